"""Starts moto's server: as it is published, or, if FUNCTION_ADDRESS is set, as one that the function can be run on.

Then an invocation POSTs its payload to that address, and returns what is answered, since moto runs functions in Docker.
moto's RotateSecret does not heed it if the function fails: whoever is at the address has to.
"""

import os
import sys
import threading
import urllib.error
import urllib.request
from xml.etree import ElementTree

from moto import server
from moto.awslambda.models import LambdaBackend
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

_request = threading.local()  # has the tags of the bucket that it creates
_constraint = S3Response._get_location_constraint
_create = S3Backend.create_bucket


def invoke(self, function_name, qualifier, body, headers, response_headers):
    try:
        with urllib.request.urlopen(os.environ["FUNCTION_ADDRESS"], data=body.encode()) as answer:
            return answer.read()
    except urllib.error.HTTPError as failure:
        response_headers["x-amz-function-error"] = "Unhandled"
        return failure.read()


def remember_tags(self):
    """CreateBucket asks for the region first, and forgets the tags of its request."""
    tags = ElementTree.fromstring(self.body).findall(".//{*}Tag") if self.body else []
    _request.tags = {tag.findtext("{*}Key"): tag.findtext("{*}Value") for tag in tags}
    return _constraint(self)


def create_with_tags(self, bucket_name, *args, **kwargs):
    bucket = _create(self, bucket_name, *args, **kwargs)
    if _request.tags:
        self.put_bucket_tagging(bucket_name, _request.tags)
    return bucket


if os.environ.get("FUNCTION_ADDRESS"):
    LambdaBackend.invoke = invoke
    LambdaBackend.get_function = lambda self, *args, **kwargs: None  # every function is there
    S3Response._get_location_constraint = remember_tags
    S3Backend.create_bucket = create_with_tags
    # It would heed a Deny of a bucket policy whatever its condition: that of plain HTTP would hold for everybody.
    FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL
server.main(sys.argv[1:])
