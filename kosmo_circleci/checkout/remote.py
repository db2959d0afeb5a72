"""The address of a git remote -> the project slug, and the address without secrets. Pure.

A slug is made for GitHub, GitHub Enterprise and Bitbucket. The slug of a GitLab project, or of one
that the GitHub App made, holds ids that no address has.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_HOSTS: Final = {
    **dict.fromkeys(("github.com", "www.github.com", "ssh.github.com"), "gh"),
    **dict.fromkeys(("bitbucket.org", "www.bitbucket.org", "altssh.bitbucket.org"), "bb"),
}
"""`ssh.` and `altssh.` are the hosts for ssh on port 443 (docs of GitHub and Bitbucket)."""

_ENTERPRISE: Final = re.compile(r"(?:github|ghe)(?:[.-].+)?|.+\.ghe\.com")
"""GitHub Enterprise by its name: `github.acme.com`, `ghe.acme.com`, `acme.ghe.com` (its cloud with
data residency); and an alias of `~/.ssh/config` for GitHub, such as `github-work`."""

_ALIAS: Final = re.compile(r"(github\.com|bitbucket\.org)-[\w.-]+")
"""The aliases that GitHub's documentation recommends for several keys: `github.com-work`."""

_OTHERS: Final = re.compile(
    r"(?:.+\.)?(?:gitlab|bitbucket|gitea|dev\.azure|visualstudio)(?:[.-].*)?"
)
"""Hosts that are not GitHub Enterprise, whatever the account's server is."""

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.S
)
_SCP: Final = re.compile(
    r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[^\]]+\]|[^:/@]+):(?P<path>(?!//).*)", re.S
)
_USERINFO: Final = re.compile(r"(?<=://)[^/\s]*@|^[^/@:\s]+:[^/@\s]+@")
"""In what is not one URL: a remote helper's command, or `user:password@host:path`."""
_HOST: Final = re.compile(r"[\w.-]+(?::\d*)?|\[[0-9A-Fa-f:.]+\](?::\d*)?")
_PATH: Final = re.compile(r"/*([^/\s]+)/([^/\s]+?)(?:\.git)?/*")
_WEB: Final = ("http", "https")
_SSH: Final = ("ssh", "git+ssh", "ssh+git")


class Remote(NamedTuple):
    """An address: the host it names ("" for a path of this machine), the path there, and the
    address as it may be shown.
    """

    host: str
    path: str
    shown: str


def parse(address: str) -> Remote:
    """Return the parts of an address as git takes it: a URL, `[user@]host:path`, or a path.

    What is shown has no password and no token: of userinfo only the user of ssh stays, and what
    follows `?` or `#` is cut.
    """
    address = address.strip()
    if url := _URL.match(address):
        return _of_url(url["scheme"].lower(), url["authority"], url["rest"])
    if (scp := _SCP.fullmatch(address)) and not _is_drive(address):
        return Remote(_bare(scp["host"]), scp["path"], _USERINFO.sub("", address))
    return Remote("", address, _USERINFO.sub("", address))


def project_slug(remote: Remote, on_server: Callable[[], bool]) -> str | None:
    """Return `gh/acme/web` or `bb/acme/web`, or None where the address does not say it.

    `on_server` says whether the account's server is not circleci.com: there a project of a host
    without a telling name is one of GitHub Enterprise. It is asked only for such a host.
    """
    path = _PATH.fullmatch(remote.path)
    vcs = _vcs(remote.host, on_server) if path and remote.host else None
    return f"{vcs}/{path[1]}/{path[2]}" if path and vcs else None


def _vcs(host: str, on_server: Callable[[], bool]) -> str | None:
    if alias := _ALIAS.fullmatch(host):
        host = alias[1]
    if vcs := _HOSTS.get(host):
        return vcs
    if _ENTERPRISE.fullmatch(host):
        return "gh"
    if _OTHERS.fullmatch(host):
        return None
    return "gh" if on_server() else None


def _of_url(scheme: str, authority: str, rest: str) -> Remote:
    userinfo, at, host = authority.rpartition("@")
    if not at and not _HOST.fullmatch(host) and "@" in rest:
        # A password with a slash in it, which no server would understand: it is one all the same.
        _, _, rest = rest.rpartition("@")
        host, slash, rest = rest.partition("/")
        rest = slash + rest
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    user = userinfo.partition(":")[0]
    shown_user = f"{user}@" if scheme in _SSH and user else ""
    shown = f"{scheme}://{shown_user}{host}{path}"
    speaks_git = scheme in (*_WEB, *_SSH, "git")
    return Remote(_bare(host) if speaks_git else "", path, shown)


def _bare(host: str) -> str:
    """Return a host without its port, in lower case and without a final dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_drive(address: str) -> bool:
    return re.match(r"[A-Za-z]:[\\/]", address) is not None
