"""A manifest of two functions, small enough to break in every way."""

from typing import Any

import pytest


@pytest.fixture
def manifest() -> dict[str, Any]:
    """A manifest that is in order."""
    return {
        "integration": "circleci",
        "paging": {
            "v2": {"items": ["items"], "cursor": ["next_page_token"]},
            "v3": {"items": ["data"], "cursor": ["page", "next"]},
        },
        "credential_hosts": ["circleci.com"],
        "shapes": {"Widget": {"id": "uuid", "name": "string"}},
        "functions": [
            {
                "name": "get_widget",
                "kind": "read",
                "method": "GET",
                "path": "/widget/{widget-id}",
                "operation": "get_widget",
                "group": "Widgets",
                "summary": "Get a widget.",
                "params": [
                    {
                        "name": "widget_id",
                        "wire": "widget-id",
                        "in": "path",
                        "type": "string",
                        "required": True,
                        "description": "Its id.",
                    }
                ],
                "result": "Widget",
                "example": "return get_widget('x')",
                "related": ["make_widget"],
            },
            {
                "name": "make_widget",
                "kind": "write",
                "method": "POST",
                "path": "/widget",
                "operation": "make_widget",
                "group": "Widgets",
                "summary": "Make a widget.",
                "has_body": True,
                "params": [
                    {
                        "name": "owner",
                        "wire": "owner",
                        "in": "body",
                        "type": "object",
                        "required": True,
                        "description": "Whose it is.",
                    },
                    {
                        "name": "owner_id",
                        "wire": "owner.id",
                        "in": "body",
                        "type": "string",
                        "part_of": "owner",
                        "description": "Whose it is, by id.",
                    },
                ],
                "result": "Widget",
                "example": "return make_widget({owner_id = 'x'})",
                "related": [],
            },
        ],
    }
