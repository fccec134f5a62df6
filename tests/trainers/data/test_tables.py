import numpy as np
import pyarrow
import pytest

from tests.trainers.data.files import read, store
from tests.trainers.data.kinds import parquet_bytes, people
from trainers.data.csv_files import PREFIX_BYTES
from trainers.data.encodings import encoded
from trainers.data.errors import UnreadableData
from trainers.data.layout import CHUNK_BYTES
from trainers.data.mapped import MappedData
from trainers.data.parquet_files import BATCH_ROWS, ParquetBatches
from trainers.data.sources import Split, Table
from trainers.data.table_encoding import StagedColumn, TableContent

IN_ORDER = Split(6, 2, 2, "file")
ROWS = (
    "age,city,height\n"
    "30,Graz,1.8\n40,Wien,1.6\n50,Graz,1.7\n20,Linz,1.5\n60,Wien,1.9\n35,Graz,1.4\n"
    "10,Wien,2.0\n90,Rom,1.0\n45,Linz,1.2\n55,Oslo,1.3\n"
)


def written(root, text=ROWS):
    (root / "x.csv").write_text(text)
    return root


def opened(source, root, split=IN_ORDER, scaling="none"):
    stored, folder = store(source, root, split, scaling)
    return stored, MappedData.open(folder)


def test_numbers_stay_numbers_and_texts_become_one_hot(tmp_path):
    _, data = opened(Table("x.csv"), written(tmp_path))
    assert [(c.name, c.kind, c.start, c.width, c.categories) for c in data.columns] == [
        ("age", "numeric", 0, 1, ()),
        ("city", "categorical", 1, 3, ("Graz", "Linz", "Wien")),
        ("height", "numeric", 4, 1, ()),
    ]
    np.testing.assert_allclose(data.train[1], [40, 0, 0, 1, 1.6], rtol=1e-6)


def test_categories_are_those_of_train_and_others_are_zeros(tmp_path):
    stored, data = opened(Table("x.csv"), written(tmp_path))
    np.testing.assert_allclose(data.validation[1], [90, 0, 0, 0, 1.0])
    assert stored.audit["unseen_categories"] == 2


def test_numeric_columns_are_scaled_each_by_itself_and_one_hot_ones_never(tmp_path):
    for scaling in ("unit", "standard"):
        _, data = opened(Table("x.csv"), written(tmp_path), scaling=scaling)
        np.testing.assert_array_equal(data.train[:, 1:4].sum(axis=1), 1)
        assert data.offset.shape == data.scale.shape == (5,)
        np.testing.assert_array_equal(data.offset[1:4], 0)
        np.testing.assert_array_equal(data.scale[1:4], 1)
        raw = data.train * data.scale + data.offset
        np.testing.assert_allclose(raw[:, 0], [30, 40, 50, 20, 60, 35], rtol=1e-5)
    np.testing.assert_allclose(data.train[:, [0, 4]].mean(axis=0), 0, atol=1e-6)


def test_one_word_far_down_makes_a_column_of_numbers_a_column_of_words(tmp_path):
    rows = [f"{i},{i % 5}" for i in range(60_000)]
    (tmp_path / "x.csv").write_text("a,b\n" + "\n".join([*rows, "7,none at all"]))
    stored, _ = opened(Table("x.csv"), tmp_path, Split(), "unit")
    assert [column["kind"] for column in stored.columns] == ["numeric", "categorical"]


def test_columns_choose_and_order_what_is_read(tmp_path):
    _, data = opened(Table("x.csv", columns=("height", "age")), written(tmp_path))
    assert [column.name for column in data.columns] == ["height", "age"]
    np.testing.assert_allclose(data.train[0], [1.8, 30], rtol=1e-6)


def test_numbers_that_are_codes_can_be_named_categorical(tmp_path):
    text = "code,x\n" + "".join(f"{i % 3},{i}.5\n" for i in range(10))
    _, data = opened(Table("x.csv", categorical=("code",)), written(tmp_path, text))
    assert data.columns[0].categories == ("0", "1", "2")


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        (Table("x.csv", columns=("age", "weight")), "/dataset/columns"),
        (Table("x.csv", categorical=("weight",)), "/dataset/categorical"),
        (Table("x.csv", group_by="weight"), "/dataset/group_by"),
    ],
)
def test_a_column_that_is_not_there_is_named_where_it_was_asked_for(tmp_path, source, pointer):
    with pytest.raises(UnreadableData, match="no column 'weight'") as refusal:
        read(source, written(tmp_path))
    assert refusal.value.pointer == pointer
    assert "'age', 'city', 'height'" in refusal.value.remedy


def test_missing_numbers_get_the_mean_of_train_and_missing_words_are_zeros(tmp_path):
    text = ROWS.replace("30,Graz", ",Graz").replace("10,Wien,2.0", "10,,NaN")
    stored, data = opened(Table("x.csv", missing="mean"), written(tmp_path, text))
    assert data.train[0, 0] == pytest.approx((40 + 50 + 20 + 60 + 35) / 5)
    np.testing.assert_allclose(
        data.validation[0], [10, 0, 0, 0, np.mean([1.8, 1.6, 1.7, 1.5, 1.9, 1.4])]
    )
    assert stored.audit["filled"] == 3


def test_gaps_with_spaces_around_them_are_filled_and_counted(tmp_path):
    text = ROWS.replace("30,Graz", " nan,Graz").replace("10,Wien,2.0", "10, ,NAN")
    stored, data = opened(Table("x.csv", missing="mean"), written(tmp_path, text))
    assert [column.kind for column in data.columns] == ["numeric", "categorical", "numeric"]
    assert data.train[0, 0] == pytest.approx((40 + 50 + 20 + 60 + 35) / 5)
    assert data.validation[0, 1:4].tolist() == [0, 0, 0]
    assert stored.audit["filled"] == 3


def test_nan_is_a_word_among_words(tmp_path):
    text = ROWS.replace("30,Graz", "30,NAN")
    _, data = opened(Table("x.csv"), written(tmp_path, text))
    assert data.columns[1].categories == ("Graz", "Linz", "NAN", "Wien")


def test_columns_without_values_in_train_alone_are_refused(tmp_path):
    written(tmp_path, "k\n" + "NA\n" * 40 + "x\n" * 10)
    source = Table("x.csv", missing="mean", duplicates="keep")
    with pytest.raises(UnreadableData, match="no values in the train part"):
        opened(source, tmp_path, Split(order="file"))


def test_one_hot_chunks_are_as_small_as_their_encoded_width_asks():
    names = tuple(map(str, range(1000)))
    content = TableContent(tuple(StagedColumn(f"c{i}", names) for i in range(20)))
    rows = np.tile(np.arange(1000.0)[:, None], (1, 20))
    encoding = content.fit(rows, np.arange(1000))
    assert encoding.shape == (20_000,)
    sizes = [chunk.nbytes for chunk in encoded(rows, np.arange(1000), encoding)]
    assert max(sizes) <= CHUNK_BYTES
    assert sum(sizes) == 1000 * 20_000 * 8


def test_the_header_counts_the_bytes_of_one_hot_columns(tmp_path):
    (tmp_path / "x.csv").write_text("k\n" + "".join(f"v{i}\n" for i in range(900)))
    assert read(Table("x.csv"), tmp_path).bytes == 900 * 900 * 4


def test_quotes_hold_delimiters_and_line_ends(tmp_path):
    text = 'a,b\n1,"x, y"\n2,"two\nlines"\n' + '3,"say ""hi"""\n' * 8
    _, data = opened(Table("x.csv", duplicates="keep"), written(tmp_path, text))
    assert set(data.columns[1].categories) == {"x, y", "two\nlines", 'say "hi"'}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_read_when_named(tmp_path, delimiter):
    written(tmp_path, ROWS.replace(",", delimiter))
    assert read(Table("x.csv", delimiter=delimiter), tmp_path).shape == (7,)


def test_a_file_without_a_header_gets_numbered_columns(tmp_path):
    written(tmp_path, "1,a\n2,b\n" * 6)
    _, data = opened(Table("x.csv", header=False, duplicates="keep"), tmp_path)
    assert [column.name for column in data.columns] == ["f0", "f1"]
    assert len(data.train) == 6


def test_rows_of_a_group_stay_in_one_part_and_the_group_is_no_feature(tmp_path):
    rows = "".join(f"p{i % 9},{i % 9},{i}\n" for i in range(180))
    written(tmp_path, "patient,number,x\n" + rows)
    stored, folder = store(Table("x.csv", group_by="patient"), tmp_path, Split(), "none")
    data = MappedData.open(folder)
    assert [column.name for column in data.columns] == ["number", "x"]
    patients = [set(part[:, 0].tolist()) for part in (data.train, data.validation, data.test())]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 9
    assert stored.audit["groups"] == 9


def test_the_header_of_a_long_file_is_an_estimate(tmp_path):
    line = "12.25,hello,3\n"
    (tmp_path / "x.csv").write_text("a,b,c\n" + line * (2 * PREFIX_BYTES // len(line)))
    header = read(Table("x.csv"), tmp_path)
    assert header.estimated
    assert header.samples == pytest.approx(2 * PREFIX_BYTES // len(line), rel=0.01)


def test_the_header_of_a_short_file_is_exact(tmp_path):
    (tmp_path / "x.csv").write_bytes(people())
    header = read(Table("x.csv"), tmp_path)
    assert not header.estimated
    assert (header.samples, header.shape, header.kind) == (40, (5,), "table")


def test_parquet_and_csv_of_the_same_rows_are_stored_alike(tmp_path):
    (tmp_path / "x.parquet").write_bytes(
        parquet_bytes(
            {
                "age": pyarrow.array([30, 40, 50, 20, 60, 35, 10, 90, 45, 55], pyarrow.int16()),
                "city": pyarrow.array(
                    ["Graz", "Wien", "Graz", "Linz", "Wien", "Graz", "Wien", "Rom", "Linz", "Oslo"]
                ).dictionary_encode(),
                "height": [1.8, 1.6, 1.7, 1.5, 1.9, 1.4, 2.0, 1.0, 1.2, 1.3],
            },
            row_group_size=4,
        )
    )
    csv, _ = opened(Table("x.csv"), written(tmp_path))
    parquet, _ = opened(Table("x.parquet", "parquet"), tmp_path)
    assert parquet.data_hash == csv.data_hash


@pytest.mark.parametrize("kind", ["string", "large_string"])
def test_parquet_texts_of_every_kind_are_categories_or_numbers(tmp_path, kind):
    words = pyarrow.array(["x", "y", None, "x", "y"] * 2, kind)
    numbers = pyarrow.array([str(i) for i in range(10)], kind)
    table = {"k": words, "a.b": numbers}
    (tmp_path / "x").write_bytes(parquet_bytes(table, row_group_size=3, use_dictionary=False))
    stored, data = opened(Table("x", "parquet", missing="mean"), tmp_path)
    assert [(column.name, column.categories) for column in data.columns] == [
        ("k", ("x", "y")),
        ("a.b", ()),
    ]
    assert stored.audit["filled"] == 2
    assert data.train[:3].tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 2]]


def test_parquet_of_many_columns_comes_in_batches_of_few_rows(tmp_path):
    columns = {f"c{i}": np.zeros(9000, "i8") for i in range(500)}
    (tmp_path / "x").write_bytes(parquet_bytes(columns))
    with (tmp_path / "x").open("rb") as file:
        batches = ParquetBatches(file, "x", "/dataset/path")
        sizes = [batch.nbytes for batch in batches.batches(batches.names, True)]
        assert max(sizes) < 1.1 * CHUNK_BYTES
        assert BATCH_ROWS * 500 * 8 <= sum(sizes) < 9000 * 500 * 8
        batches.close()


def test_parquet_flags_are_numbers(tmp_path):
    (tmp_path / "x").write_bytes(parquet_bytes({"a": [True, False] * 5, "b": list(range(10))}))
    _, data = opened(Table("x", "parquet"), tmp_path)
    assert data.train[:2, 0].tolist() == [1, 0]


def test_parquet_of_many_rows_is_counted_in_its_header(tmp_path):
    (tmp_path / "x").write_bytes(parquet_bytes({"a": np.random.default_rng(0).random(20_000)}))
    header = read(Table("x", "parquet"), tmp_path)
    assert (header.samples, header.estimated) == (20_000, True)


def test_a_limit_takes_the_first_rows(tmp_path):
    stored, _ = opened(Table("x.csv", limit=6), written(tmp_path), Split(4, 1, 1, "file"))
    assert (stored.train, stored.validation, stored.test) == (4, 1, 1)


def test_parts_of_their_own_share_columns_and_categories(tmp_path):
    for name, rows in (("a", "1,x\n2,y\n3,x\n"), ("b", "4,y\n"), ("c", "5,z\n")):
        (tmp_path / name).write_text("n,k\n" + rows)
    _, data = opened(Table("unread"), tmp_path, Split("a", "b", "c"))
    assert data.columns[1].categories == ("x", "y")
    assert data.validation[0].tolist() == [4, 0, 1]
    assert data.test()[0].tolist() == [5, 0, 0]


def test_the_same_codes_of_other_categories_are_other_data(tmp_path):
    first, _ = opened(Table("x.csv"), written(tmp_path))
    second, _ = opened(Table("x.csv"), written(tmp_path, ROWS.replace("Graz", "Enns")))
    assert first.data_hash != second.data_hash
