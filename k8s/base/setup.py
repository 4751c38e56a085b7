"""Makes what the stores lack: the bucket, and MLflow's user for the sweeps. Running it again changes nothing."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.request
from urllib.error import HTTPError, URLError

import boto3
from botocore.exceptions import ClientError

BUCKET = "paceline"
PATIENCE_S = 600


def main() -> None:
    make_bucket()
    await_mlflow(os.environ["MLFLOW_TRACKING_URI"])
    make_user(os.environ["MLFLOW_TRACKING_URI"], os.environ["USERNAME"], os.environ["PASSWORD"])


def make_bucket() -> None:
    try:
        boto3.client("s3").create_bucket(Bucket=BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def await_mlflow(uri: str) -> None:
    ending = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=5).close()
            return
        except URLError:
            if time.monotonic() > ending:
                raise
            time.sleep(2)


def make_user(uri: str, name: str, password: str) -> None:
    user = {"username": name, "password": password}
    try:
        ask("POST", f"{uri}/api/2.0/mlflow/users/create", user)
    except HTTPError as error:
        if json.load(error).get("error_code") != "RESOURCE_ALREADY_EXISTS":
            raise
        ask("PATCH", f"{uri}/api/2.0/mlflow/users/update-password", user)


def ask(method: str, url: str, body: dict[str, str]) -> None:
    """One call as MLflow's admin."""
    login = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=60).close()


if __name__ == "__main__":
    main()
