"""The lake (数据湖): Delta tables on a folder or S3, opened, appended to and read by version; no meaning of its own."""
