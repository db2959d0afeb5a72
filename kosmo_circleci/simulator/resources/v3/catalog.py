"""What jobs can run on: classes and images of machines. It needs no token."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler, JsonObject
from kosmo_circleci.simulator.envelopes import entity, one

_LINUX_IMAGES: Final[list[JsonValue]] = [
    "ubuntu-2204:current",
    "ubuntu-2404:current",
    "android:default",
]
_OFFERINGS: Final[JsonObject] = {
    "linux": {
        "medium": _LINUX_IMAGES,
        "large": _LINUX_IMAGES,
        "arm.medium": ["ubuntu-2204:current", "ubuntu-2404:current"],
    },
    "windows": {"windows.medium": ["windows-server-2022-gui:current"]},
    "macos": {"m4pro.medium": ["xcode:16.2.0", "xcode:15.4.0"]},
    "remote_docker": {"medium": ["default", "docker24"]},
    "deprecated": {"linux": ["ubuntu-2004:202010-01"], "macos": ["xcode:13.4.1"]},
}


def get_offerings(call: Call) -> JsonValue:
    """Answer `GET /catalog/offerings`."""
    return one(entity(None, _OFFERINGS))


ROUTES: Final[dict[str, Handler]] = {"get_catalog_offerings": get_offerings}
