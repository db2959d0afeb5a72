local Slack = {}
function Slack.post(text) return text end
return Slack
