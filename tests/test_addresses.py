import pytest

from kosmo_circleci.addresses import is_address, is_loopback, is_public


@pytest.mark.parametrize(
    ("host", "loopback", "public", "address"),
    [
        ("localhost", True, False, False),
        ("LOCALHOST", True, False, False),
        ("127.0.0.1", True, False, True),
        ("127.9.9.9", True, False, True),
        ("::1", True, False, True),
        ("[::1]", True, False, True),
        ("::ffff:127.0.0.1", True, False, True),
        ("8.8.8.8", False, True, True),
        ("2606:4700::1111", False, True, True),
        ("::ffff:8.8.8.8", False, True, True),
        ("10.0.0.1", False, False, True),
        ("169.254.169.254", False, False, True),
        ("100.64.0.1", False, False, True),
        ("0.0.0.0", False, False, True),
        ("224.0.0.251", False, False, True),
        ("::ffff:10.0.0.1", False, False, True),
        ("fe80::1", False, False, True),
        ("fd00::1", False, False, True),
        ("2002:a00:1::", False, False, True),
        ("2002:808:808::", False, True, True),
        ("64:ff9b::a9fe:a9fe", False, False, True),
        ("64:ff9b::808:808", False, True, True),
        ("circleci.com", False, False, False),
        ("localhost.example.com", False, False, False),
        ("", False, False, False),
    ],
)
def test_a_host_is_this_machine_or_public_or_neither(
    host: str, loopback: bool, public: bool, address: bool
) -> None:
    assert (is_loopback(host), is_public(host), is_address(host)) == (loopback, public, address)
