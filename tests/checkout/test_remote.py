"""What the address of a git remote says about the project, and what of it may be shown."""

import pytest

from kosmo_circleci.checkout.remote import parse, project_slug


def slug(address: str, *, on_server: bool = False) -> str | None:
    return project_slug(parse(address), lambda: on_server)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git@github.com:acme/web.git", "gh/acme/web"),
        ("git@github.com:acme/web", "gh/acme/web"),
        ("git@github.com:/acme/web.git", "gh/acme/web"),
        ("github.com:acme/web.git", "gh/acme/web"),
        ("https://github.com/acme/web", "gh/acme/web"),
        ("https://github.com/acme/web/", "gh/acme/web"),
        ("https://github.com/acme/web.git/", "gh/acme/web"),
        ("HTTPS://GitHub.com/Acme/Web.js.git", "gh/Acme/Web.js"),
        ("https://github.com:443/acme/web.git", "gh/acme/web"),
        ("https://ghp_0123456789@github.com/acme/web.git", "gh/acme/web"),
        ("https://x-access-token:ghp_0123456789@github.com/acme/web", "gh/acme/web"),
        ("git://github.com/acme/web.git", "gh/acme/web"),
        ("ssh://git@github.com/acme/web.git", "gh/acme/web"),
        ("ssh://git@ssh.github.com:443/acme/web.git", "gh/acme/web"),
        ("git+ssh://git@github.com/acme/web.git", "gh/acme/web"),
        ("git@github.com-work:acme/web.git", "gh/acme/web"),
        ("git@github-work:acme/web.git", "gh/acme/web"),
        ("git@bitbucket.org:acme/web.git", "bb/acme/web"),
        ("ssh://git@bitbucket.org:22/acme/web.git", "bb/acme/web"),
        ("ssh://git@altssh.bitbucket.org:443/acme/web.git", "bb/acme/web"),
        ("https://ann@bitbucket.org/acme/web.git", "bb/acme/web"),
        ("git@bitbucket.org-work:acme/web.git", "bb/acme/web"),
        ("https://github.example.com/acme/web", "gh/acme/web"),
        ("git@github.example.com:acme/web.git", "gh/acme/web"),
        ("ssh://git@ghe.example.com:2222/acme/web.git", "gh/acme/web"),
        ("git@acme.ghe.com:acme/web.git", "gh/acme/web"),
        ("  git@github.com:acme/web.git\n", "gh/acme/web"),
    ],
)
def test_a_slug_comes_from_github_enterprise_included_and_from_bitbucket(
    address: str, expected: str
) -> None:
    assert slug(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "git@gitlab.com:acme/web.git",
        "https://gitlab.example.com/acme/sub/web.git",
        "https://git.example.com/acme/web.git",
        "https://evil.example/github.com/acme/web",
        "https://notgithub.com/acme/web",
        "https://github.com.evil@example.com/acme/web",
        "git@codeberg.org:acme/web.git",
        "git@bitbucket.example.com:7999/acme/web.git",
        "https://github.com/acme",
        "https://github.com/acme/web/tree/main",
        "https://github.com/acme/we b",
        "https://github.com/",
        "file:///srv/git/acme/web",
        "/srv/github.com/acme/web.git",
        "../web",
        "C:/acme/web",
        "ext::sh -c whoami% github.com/acme/web",
        "",
    ],
)
def test_what_does_not_say_the_project_gives_none(address: str) -> None:
    assert slug(address) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git@git.example.com:acme/web.git", "gh/acme/web"),
        ("https://scm.example.com/acme/web", "gh/acme/web"),
        ("git@gitlab.example.com:acme/web.git", None),
        ("git@bitbucket.example.com:acme/web.git", None),
        ("https://dev.azure.com/acme/web", None),
        ("/srv/git/acme/web", None),
    ],
)
def test_on_a_circleci_server_a_host_without_a_telling_name_is_github_enterprise(
    address: str, expected: str | None
) -> None:
    assert slug(address, on_server=True) == expected


def test_the_server_is_asked_about_only_where_the_host_does_not_tell() -> None:
    def fail() -> bool:
        raise AssertionError("asked")

    assert project_slug(parse("git@github.com:acme/web.git"), fail) == "gh/acme/web"
    assert project_slug(parse("git@gitlab.com:acme/web.git"), fail) is None


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("git@gitlab.com:acme/web.git", "git@gitlab.com:acme/web.git"),
        ("https://gitlab.com/acme/web.git", "https://gitlab.com/acme/web.git"),
        ("https://glpat-T0KEN@gitlab.com/acme/web.git", "https://gitlab.com/acme/web.git"),
        ("https://oauth2:T0KEN@gitlab.com:8443/acme/web", "https://gitlab.com:8443/acme/web"),
        ("https://ann:p@T0KEN@gitlab.com/acme/web", "https://gitlab.com/acme/web"),
        ("https://ann:p/T0KEN@gitlab.com/acme/web", "https://gitlab.com/acme/web"),
        ("https://gitlab.com/acme/web?private_token=T0KEN", "https://gitlab.com/acme/web"),
        ("https://gitlab.com/acme/web#T0KEN", "https://gitlab.com/acme/web"),
        ("https://gitlab.com/@acme/web", "https://gitlab.com/@acme/web"),
        ("ssh://git@gitlab.com:22/acme/web.git", "ssh://git@gitlab.com:22/acme/web.git"),
        ("ssh://git:T0KEN@gitlab.com/acme/web.git", "ssh://git@gitlab.com/acme/web.git"),
        ("ftp://ann:T0KEN@example.com/web", "ftp://example.com/web"),
        ("/srv/git/web.git", "/srv/git/web.git"),
        ("git:T0KEN@gitlab.com:acme/web", "gitlab.com:acme/web"),
        ("ext::curl https://a:T0KEN@b.example/x", "ext::curl https://b.example/x"),
    ],
)
def test_an_address_is_shown_without_passwords_and_tokens(address: str, shown: str) -> None:
    assert parse(address).shown == shown
    assert "T0KEN" not in shown
