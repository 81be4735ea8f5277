"""Keys in listings, as their EncodingType says."""

import re
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

from corrections.correct import corrects
from ministack.services import s3

# What is encoded where it stands (S3 API Reference, ListObjectVersions and ListMultipartUploads, EncodingType).
_ENCODED = re.compile(r"<(Key|Prefix|Delimiter|KeyMarker|NextKeyMarker)>(.*?)</\1>", re.DOTALL)


@corrects(s3, name="_url_encode")
def as_s3_encodes(original, value):
    """A space is a plus sign. Slashes and asterisks stay, a tilde does not."""
    return quote_plus(value, safe="/*").replace("~", "%7E")


@corrects(s3, name="_list_object_versions")
def encoded_versions(original, bucket_name, query_params):
    """EncodingType of ListObjectVersions."""
    return _encoded(original(bucket_name, query_params), query_params)


@corrects(s3, name="_list_multipart_uploads")
def encoded_uploads(original, bucket_name, query_params):
    """EncodingType of ListMultipartUploads."""
    return _encoded(original(bucket_name, query_params), query_params)


def _encoded(answer, query_params):
    """An answer with its keys encoded, if that is asked for. Only then it says so."""
    status, headers, body = answer
    if status != 200 or s3._qp(query_params, "encoding-type") != "url":
        return answer
    text = _ENCODED.sub(lambda found: f"<{found[1]}>{s3._url_encode(unescape(found[2]))}</{found[1]}>", body.decode())
    text = text.replace("<IsTruncated>", "<EncodingType>url</EncodingType><IsTruncated>", 1)
    return status, headers, text.encode()
