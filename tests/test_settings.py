"""Settings that the environment gives, as the site reads them."""

from __future__ import annotations

import pytest

from scoc.core.environment import BadEnvironment
from scoc.site.settings import _database, _lake


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host", "sqlite:///x", "nonsense"])
def test_only_postgresql_can_be_named(url: str) -> None:
    with pytest.raises(BadEnvironment, match="SCOC_DATABASE_URL"):
        _database(url)


@pytest.mark.parametrize(
    "url",
    ["http://host/x", "s3://", "s3://bucket?secret=1", "s3://key@bucket/x", "s3://key:@bucket", "file:///x"],
)
def test_a_lake_is_a_folder_or_on_s3(url: str) -> None:
    with pytest.raises(BadEnvironment, match="SCOC_LAKE_URL"):
        _lake(url)


def test_a_lake_on_s3_is_told_all_in_one_address() -> None:
    assert _lake("s3://k%2F1:s%40@bucket/a/b/?endpoint=http://127.0.0.1:9000&region=cn-1") == (
        "s3://bucket/a/b",
        {
            "AWS_REGION": "cn-1", "AWS_ACCESS_KEY_ID": "k/1", "AWS_SECRET_ACCESS_KEY": "s@",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_ALLOW_HTTP": "true",
        },
    )  # fmt: skip
    assert _lake("s3://bucket") == ("s3://bucket", {"AWS_REGION": "us-east-1"})
    assert _lake("")[0].endswith("/lake")
    assert _lake("~/tables")[0].startswith("/")
