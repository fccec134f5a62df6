import json

import numpy as np
import pytest

from tests.trainers.data.files import read, store
from trainers.data.mapped import MappedData
from trainers.data.sources import Split, Text
from trainers.data.text_lines import PIECE_BYTES, lines
from trainers.data.vocabulary import END, PAD, UNKNOWN
from trainers.plain.tokens import join_tokens, split_text

WORDS = ["abba", "Hello, world!", "ünïcödé", "a", "zwei Wörter", "tail end", "x y", "last one"]
IN_ORDER = Split(6, 1, 1, "file")


def written(root, texts=WORDS, end="\n"):
    (root / "x.txt").write_bytes(end.join(texts).encode())
    return root


def opened(source, root, split=IN_ORDER):
    stored, folder = store(source, root, split)
    return stored, MappedData.open(folder)


def text_of(row, data):
    ids = [int(token) for token in row]
    until = next(i for i, token in enumerate(ids) if token in (PAD, END))
    return join_tokens([data.tokens[token] for token in ids[:until]], data.tokenizer)


@pytest.mark.parametrize("level", ["char", "byte", "word"])
def test_what_is_stored_reads_as_what_was_written(tmp_path, level):
    _, data = opened(Text("x.txt", level=level), written(tmp_path))
    assert [text_of(row, data) for row in data.train] == WORDS[:6]


@pytest.mark.parametrize("level", ["char", "byte", "word"])
def test_tokens_are_those_that_models_cut_texts_into(tmp_path, level):
    stored, data = opened(Text("x.txt", level=level), written(tmp_path))
    expected = {token for text in WORDS[:6] for token in split_text(text, level)}
    assert set(data.tokens[4:]) == expected
    assert stored.tokens[:4] == ["<pad>", "<end>", "<unknown>", "<dropped>"]


def test_every_text_ends_and_is_padded_behind(tmp_path):
    _, data = opened(Text("x.txt"), written(tmp_path))
    assert data.shape == (len("Hello, world!") + 1,)
    row = data.train[0]
    assert row[4] == END
    assert (row[5:] == PAD).all()


def test_the_vocabulary_is_that_of_train_and_the_rest_is_unknown(tmp_path):
    written(tmp_path, ["aab", "abb", "aba", "bab", "bba", "aaa", "abc", "caa"])
    stored, data = opened(Text("x.txt"), tmp_path)
    assert stored.tokens[4:] == ["a", "b"]
    assert data.validation[0].tolist() == [4, 5, UNKNOWN, END]
    assert stored.audit["unknown_tokens"] == pytest.approx(1 / 4)


def test_the_most_frequent_tokens_make_the_vocabulary(tmp_path):
    written(tmp_path, ["aaab", "aacb", "aaad", "bbba", "dcaa", "cab", "abcd", "dcba"])
    stored, data = opened(Text("x.txt", max_vocabulary=6), tmp_path)
    assert stored.tokens[4:] == ["a", "b"]
    assert UNKNOWN in data.train


def test_longer_texts_are_cut_counted_and_end_too(tmp_path):
    stored, data = opened(Text("x.txt", max_length=5), written(tmp_path))
    assert data.shape == (6,)
    assert text_of(data.train[1], data) == "Hello"
    assert stored.audit["cut"] == sum(len(text) > 5 for text in WORDS)


def test_token_ids_are_never_scaled(tmp_path):
    for scaling in ("none", "unit", "standard"):
        stored, folder = store(Text("x.txt"), written(tmp_path), IN_ORDER, scaling)
        assert stored.scaling == {"kind": "none", "offset": 0.0, "scale": 1.0}
        assert np.equal(np.mod(MappedData.open(folder).train, 1), 0).all()


def test_windows_run_through_the_file_without_a_gap(tmp_path):
    text = "".join(chr(97 + i % 26) for i in range(1000)) + "\nmore"
    (tmp_path / "x.txt").write_text(text)
    source = Text("x.txt", window=10, duplicates="keep")
    assert read(source, tmp_path).samples == 100
    _, data = opened(source, tmp_path, Split(80, 10, 10, "file"))
    assert data.shape == (11,)
    assert "".join(text_of(row, data) for row in data.train) == text[:800]


def test_windows_of_words_do_not_cut_a_word_between_pieces(tmp_path):
    words = [f"word{i:06}" for i in range(100_000)]
    (tmp_path / "x.txt").write_text(" ".join(words))
    assert (tmp_path / "x.txt").stat().st_size > PIECE_BYTES
    source = Text("x.txt", level="word", window=1000, max_vocabulary=50_000)
    _, data = opened(source, tmp_path, Split(40, 40, 20, "file"))
    assert text_of(data.train[-1], data).split() == words[39_000:40_000]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_both_kinds_and_blank_lines_are_left_out(tmp_path, end):
    written(tmp_path, [*WORDS[:3], "", "  ", *WORDS[3:], ""], end)
    with (tmp_path / "x.txt").open("rb") as file:
        assert [line for _, line in lines(file, "x", "/")] == WORDS


def test_a_byte_order_mark_is_no_letter(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfabc\n" + b"abd\n" * 3)
    with (tmp_path / "x.txt").open("rb") as file:
        assert next(lines(file, "x", "/")) == (1, "abc")


def test_letters_on_the_border_of_two_pieces_are_whole(tmp_path):
    text = "ä" * (PIECE_BYTES - PIECE_BYTES // 4)
    (tmp_path / "x.txt").write_bytes(b"x" + text.encode() + b"\n")
    with (tmp_path / "x.txt").open("rb") as file:
        assert [line for _, line in lines(file, "x", "/")] == ["x" + text]


def test_a_long_file_is_estimated_from_its_beginning(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"all lines are alike\n" * 60_000)
    header = read(Text("x.txt"), tmp_path)
    assert header.estimated
    assert header.samples == pytest.approx(60_000, rel=0.01)
    assert header.shape == (20,)


def test_a_limit_takes_the_first_lines(tmp_path):
    written(tmp_path)
    assert read(Text("x.txt", limit=5), tmp_path).samples == 5
    stored, _ = opened(Text("x.txt", limit=5), tmp_path, Split(3, 1, 1, "file"))
    assert stored.train + stored.validation + stored.test == 5


def test_json_lines_give_the_text_at_a_field(tmp_path):
    rows = [json.dumps({"meta": {"title": text}, "n": 1}) for text in WORDS]
    (tmp_path / "x.jsonl").write_text("\n".join(rows))
    source = Text("x.jsonl", field="meta.title")
    assert read(source, tmp_path).kind == "text"
    _, data = opened(source, tmp_path)
    assert [text_of(row, data) for row in data.train] == WORDS[:6]


def test_lines_of_a_group_stay_in_one_part(tmp_path):
    written(tmp_path, [f"speaker{i % 7}: {i}" for i in range(140)])
    _, folder = store(Text("x.txt", group_by="^(speaker\\d)"), tmp_path, Split())
    data = MappedData.open(folder)
    speakers = [
        {text_of(row, data)[7] for row in part}
        for part in (data.train, data.validation, data.test())
    ]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 7


def test_parts_of_their_own_share_one_vocabulary_and_length(tmp_path):
    for name, texts in (("a", ["abc"] * 3 + ["x"]), ("b", ["abcdef"]), ("c", ["ab"])):
        (tmp_path / name).write_text("\n".join(texts))
    stored, folder = store(Text("unread"), tmp_path, Split("a", "b", "c"))
    assert stored.shape == [7]
    assert stored.tokens[4:] == ["a", "b", "c", "x"]
    assert MappedData.open(folder).validation[0].tolist() == [4, 5, 6, 2, 2, 2, 1]


def test_the_same_ids_of_other_words_are_other_data(tmp_path):
    hashes = set()
    for name, texts in (("a", ["one two"] * 2), ("b", ["two one"] * 2), ("c", ["red two"] * 2)):
        (tmp_path / name).write_text("\n".join([*texts, "x", "y", "z"]))
        hashes.add(store(Text(name, level="word"), tmp_path, Split(3, 1, 1, "file"))[0].data_hash)
    assert len(hashes) == 3
