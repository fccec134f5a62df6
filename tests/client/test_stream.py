"""Server-sent events are read as the standard says."""

from service.client.stream import Message, read_messages


def test_messages_are_divided_by_empty_lines() -> None:
    lines = ["event: study", 'data: {"a":1}', "id: 7", "", "data: x", ""]
    assert list(read_messages(lines)) == [
        Message("study", '{"a":1}', "7"),
        Message("message", "x", None),
    ]


def test_comments_and_unknown_fields_are_skipped() -> None:
    assert list(read_messages([": heartbeat", "", "retry: 5", "data: x", ""])) == [
        Message("message", "x", None)
    ]


def test_lines_of_data_are_joined() -> None:
    assert list(read_messages(["data: a", "data:b", "data", ""])) == [
        Message("message", "a\nb\n", None)
    ]


def test_a_torn_message_is_dropped() -> None:
    assert list(read_messages(["id: 3", "data: whole", "", "data: torn"])) == [
        Message("message", "whole", "3")
    ]
