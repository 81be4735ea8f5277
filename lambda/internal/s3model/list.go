package s3model

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// pageSize is the most that S3 lists in one answer, and deletes in one call.
const pageSize = 1000

// paging is what the listings share.
type paging struct {
	encoder
	prefix, encoding string
	size             int
}

// pagingOf reads it. S3 lists no more than 1,000 however many are asked for.
func pagingOf(q url.Values, sizeName string) (paging, *refusal) {
	p := paging{prefix: q.Get("prefix"), encoding: q.Get("encoding-type"), size: pageSize}
	p.isURL = p.encoding == "url"
	if text := q.Get(sizeName); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 0 {
			return p, &refusal{http.StatusBadRequest, "InvalidArgument", "Argument " + sizeName + " must be an integer between 0 and 2147483647"}
		}
		p.size = min(size, pageSize)
	}
	if p.encoding != "" && !p.isURL {
		return p, &refusal{http.StatusBadRequest, "InvalidArgument", "Invalid Encoding Method specified in Request"}
	}
	if q.Has("delimiter") && q.Get("delimiter") != "" {
		return p, errUnsupported
	}
	return p, nil
}

// shown is an entry of a page.
type shown struct {
	entry
	isLatest bool
}

// page collects the entries from a place on, and reports whether there are more.
func (s *Server) page(p paging, from place) (page []shown, isTruncated bool) {
	if p.size == 0 {
		return nil, false
	}
	before := ""
	for e := range s.entries.from(from) {
		if !strings.HasPrefix(e.key, p.prefix) {
			break
		}
		if len(page) == p.size {
			return page, true
		}
		isLatest := before != e.key
		if len(page) == 0 {
			isLatest = s.entries.find(e.key, beforeAll) == s.entries.find(e.key, e.serial)
		}
		before = e.key
		if !e.has(isListed) {
			e.flags |= isListed
			s.stats.ListedLeft++
		}
		page = append(page, shown{*e, isLatest})
	}
	return page, false
}

// start is where a listing of versions begins: after the markers, and not before the prefix.
func (s *Server) start(q url.Values) (place, *refusal) {
	key, version := q.Get("key-marker"), q.Get("version-id-marker")
	begin := s.entries.find(q.Get("prefix"), beforeAll)
	switch {
	case q.Has("version-id-marker") && key == "":
		return place{}, &refusal{http.StatusBadRequest, "InvalidArgument", "A version-id marker cannot be specified without a key marker."}
	case q.Has("version-id-marker") && version == "":
		return place{}, &refusal{http.StatusBadRequest, "InvalidArgument", "A version-id marker cannot be empty."}
	case key == "":
		return begin, nil
	case version == "":
		return later(begin, s.entries.find(key, afterAll)), nil
	}
	e, isIssued := s.lookup(key, version)
	switch {
	case !isIssued || e == nil && s.config.GoneMarker == InvalidAfter:
		return place{}, errBadVersion
	case e != nil:
		return later(begin, s.entries.find(key, e.serial-1)), nil
	case s.config.GoneMarker == WholeKey || version == nullVersion: // which does not tell its age
		return later(begin, s.entries.find(key, beforeAll)), nil
	}
	serial, _ := s.serialOf(version)
	return later(begin, s.entries.find(key, serial-1)), nil
}

func later(a, b place) place {
	if a.block > b.block || a.block == b.block && a.index > b.index {
		return a
	}
	return b
}

func (s *Server) listVersions(r request) answer {
	p, wrong := pagingOf(r.query, "max-keys")
	if wrong != nil {
		return refuse(wrong)
	}
	s.mu.Lock()
	from, wrong := s.start(r.query)
	if wrong != nil {
		s.mu.Unlock()
		return refuse(wrong)
	}
	page, isTruncated := s.page(p, from)
	s.stats.Listed += len(page)
	s.mu.Unlock()

	x := begin("ListVersionsResult")
	x.text("Name", s.config.Bucket)
	x.text("Prefix", p.key(p.prefix))
	x.text("KeyMarker", p.key(r.query.Get("key-marker")))
	x.text("VersionIdMarker", r.query.Get("version-id-marker"))
	if isTruncated {
		last := page[len(page)-1]
		x.text("NextKeyMarker", p.key(last.key))
		x.text("NextVersionIdMarker", last.version())
	}
	x.number("MaxKeys", p.size)
	x.optional("EncodingType", p.encoding)
	x.flag("IsTruncated", isTruncated)
	for _, e := range page {
		s.writeVersion(&x, p.encoder, e)
	}
	x.close("ListVersionsResult")
	return respond(x)
}

const objectSize = 5 // bytes

func (s *Server) writeVersion(x *document, encoder encoder, e shown) {
	kind := "Version"
	if e.has(isMarker) {
		kind = "DeleteMarker"
	}
	x.open(kind)
	x.text("Key", encoder.key(e.key))
	x.text("VersionId", e.version())
	x.flag("IsLatest", e.isLatest)
	x.text("LastModified", modified)
	if !e.has(isMarker) {
		x.text("ETag", `"5d41402abc4b2a76b9719d911017c592"`)
		x.number("Size", objectSize)
		x.text("StorageClass", "STANDARD")
	}
	x.open("Owner")
	x.text("ID", "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a")
	x.close("Owner")
	x.close(kind)
}

var modified = first.Format("2006-01-02T15:04:05.000Z")

// listObjects lists what is current, one entry of a key at most. A continuation token is the last key.
func (s *Server) listObjects(r request) answer {
	p, wrong := pagingOf(r.query, "max-keys")
	if wrong != nil {
		return refuse(wrong)
	}
	after := max(r.query.Get("start-after"), r.query.Get("continuation-token"), r.query.Get("marker"))
	s.mu.Lock()
	from := s.entries.find(p.prefix, beforeAll)
	if after != "" {
		from = later(from, s.entries.find(after, afterAll))
	}
	keys, isTruncated := s.current(p, from)
	s.stats.Listed += len(keys)
	s.mu.Unlock()

	x := begin("ListBucketResult")
	x.text("Name", s.config.Bucket)
	x.text("Prefix", p.key(p.prefix))
	x.number("MaxKeys", p.size)
	x.number("KeyCount", len(keys))
	x.optional("EncodingType", p.encoding)
	x.flag("IsTruncated", isTruncated)
	if isTruncated && r.query.Get("list-type") == "2" {
		x.text("NextContinuationToken", keys[len(keys)-1])
	}
	for _, key := range keys {
		x.open("Contents")
		x.text("Key", p.key(key))
		x.text("LastModified", modified)
		x.text("ETag", `"5d41402abc4b2a76b9719d911017c592"`)
		x.number("Size", objectSize)
		x.text("StorageClass", "STANDARD")
		x.close("Contents")
	}
	x.close("ListBucketResult")
	return respond(x)
}

// current are the keys whose youngest version is no delete marker, and whether there are more.
func (s *Server) current(p paging, from place) (keys []string, isTruncated bool) {
	before := ""
	for e := range s.entries.from(from) {
		isOlder := e.key == before
		before = e.key
		switch {
		case !strings.HasPrefix(e.key, p.prefix):
			return keys, false
		case isOlder || e.has(isMarker):
		case len(keys) == p.size:
			return keys, p.size > 0
		default:
			keys = append(keys, e.key)
		}
	}
	return keys, false
}

// upload is a multipart upload that nobody has completed.
type upload struct{ key, id string }

func generateUploads(n int) []upload {
	var all []upload
	for i := range n {
		all = append(all, upload{fmt.Sprintf("parts of é/%06d", i/2), fmt.Sprintf("VXBsb2FkIElE%06d", i)}) // two of each key
	}
	return all
}
