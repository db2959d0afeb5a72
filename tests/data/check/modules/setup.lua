require("further")
channel = "#builds"
