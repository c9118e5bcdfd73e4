"""Files and folders as datasets: Parquet, text, JSON and Delta, on S3 or in the inbox."""
