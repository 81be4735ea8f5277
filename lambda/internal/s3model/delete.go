package s3model

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
)

// victim is a key of a delete.
type victim struct {
	Key       string  `xml:"Key"`
	VersionID *string `xml:"VersionId"`
}

// result is what became of it.
type result struct {
	victim
	why    *refusal // nil if it is gone
	marker string   // the version of the marker that was written or deleted
}

// deleteObjects takes up to 1,000 keys. What fails stands in the answer to a call that succeeds.
func (s *Server) deleteObjects(r request) answer {
	var batch struct {
		Quiet  bool     `xml:"Quiet"`
		Object []victim `xml:"Object"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{isReset: true}
	}
	if limit := s.config.MaxBody; limit > 0 && len(body) > limit {
		return refuse(&refusal{http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big."})
	}
	if xml.NewDecoder(bytes.NewReader(body)).Decode(&batch) != nil || len(batch.Object) == 0 || len(batch.Object) > pageSize {
		return refuse(errMalformed)
	}
	results, why := s.delete(r, batch.Object)
	if why != nil {
		return refuse(why)
	}
	x := begin("DeleteResult")
	for _, done := range results {
		switch {
		case done.why != nil:
			x.open("Error")
			x.text("Key", done.Key)
			if done.VersionID != nil {
				x.text("VersionId", *done.VersionID)
			}
			x.text("Code", done.why.code)
			x.text("Message", done.why.message)
			x.close("Error")
		case !batch.Quiet:
			writeDeleted(&x, done)
		}
	}
	x.close("DeleteResult")
	return respond(x)
}

func writeDeleted(x *document, done result) {
	x.open("Deleted")
	x.text("Key", done.Key)
	if done.VersionID != nil {
		x.text("VersionId", *done.VersionID)
	}
	if done.marker != "" {
		x.flag("DeleteMarker", true)
		x.text("DeleteMarkerVersionId", done.marker)
	}
	x.close("Deleted")
}

func (s *Server) deleteObject(r request) answer {
	one := victim{Key: r.key}
	if r.query.Has("versionId") {
		version := r.query.Get("versionId")
		one.VersionID = &version
	}
	results, why := s.delete(r, []victim{one})
	if why != nil {
		return refuse(why)
	}
	done := results[0]
	switch {
	case done.why == errNoVersion:
		return refuse(errBadVersion)
	case done.why != nil:
		return refuse(done.why)
	}
	header := http.Header{}
	if done.marker != "" {
		header.Set("x-amz-delete-marker", "true")
		header.Set("x-amz-version-id", done.marker)
	} else if one.VersionID != nil {
		header.Set("x-amz-version-id", *one.VersionID)
	}
	return answer{status: http.StatusNoContent, header: header}
}

// delete judges the keys when the call arrives, and deletes them when its latency is over.
func (s *Server) delete(r request, victims []victim) ([]result, *refusal) {
	keys := make([]string, len(victims))
	for i, v := range victims {
		keys[i] = v.Key
	}
	s.mu.Lock()
	accepted, isRefused := s.admit(keys)
	s.deletes.begin()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deletes.now--
	}()
	if isRefused {
		if !r.wait(s.config.Delete / 10) {
			return nil, errInternal
		}
		return nil, errSlowDown
	}
	if !r.wait(s.config.Delete) {
		return nil, errInternal // nobody hears it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isGone {
		return nil, errNoBucket
	}
	results := make([]result, len(victims))
	for i, v := range victims {
		results[i].victim = v
		results[i].why = errSlowDown
		if accepted[i] {
			s.deleteOne(&results[i])
		}
	}
	return results, nil
}

// deleteOne deletes a version for good. Without a version it adds a delete marker, or replaces what an unversioned bucket
// holds. What is not there counts as deleted.
func (s *Server) deleteOne(r *result) {
	version := nullVersion
	switch {
	case r.VersionID != nil:
		version = *r.VersionID
	case !s.config.IsUnversioned:
		if r.why = s.drawKey(); r.why == nil {
			r.marker = s.add(r.Key, isMarker).version()
		}
		return
	}
	e, isIssued := s.lookup(r.Key, version)
	switch {
	case !isIssued:
		r.why = errNoVersion
		return
	case e != nil && (e.has(isRetained) || e.has(isHeld)):
		r.why = errLocked
		s.stats.Denied++
		return
	}
	if r.why = s.drawKey(); r.why != nil || e == nil {
		return
	}
	if e.has(isMarker) {
		r.marker = e.version()
	}
	if e.has(isListed) {
		s.stats.ListedLeft--
	}
	s.stats.Deleted++
	s.entries.remove(e.key, e.serial)
}

// add writes the youngest version of a key.
func (s *Server) add(key string, f flags) entry {
	if old := s.entries.null(key); s.config.IsUnversioned && old != nil {
		s.entries.remove(key, old.serial)
	}
	if s.config.IsUnversioned {
		f |= isNull
	}
	s.serial++
	e := entry{key: key, serial: s.serial, flags: f}
	s.entries.insert(e)
	return e
}

func (s *Server) listUploads(r request) answer {
	p, wrong := pagingOf(r.query, "max-uploads")
	if wrong != nil {
		return refuse(wrong)
	}
	key, id := r.query.Get("key-marker"), r.query.Get("upload-id-marker")
	s.mu.Lock()
	all := slices.Clone(s.uploads)
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(u upload) bool {
		isSame := u.key == key && id != ""
		isBehind := isSame && u.id > id || u.key > key
		return len(u.key) < len(p.prefix) || u.key[:len(p.prefix)] != p.prefix || !isBehind
	})
	page := all[:min(len(all), p.size)]

	x := begin("ListMultipartUploadsResult")
	x.text("Bucket", s.config.Bucket)
	x.text("KeyMarker", p.key(key))
	x.text("UploadIdMarker", id)
	if len(page) > 0 {
		x.text("NextKeyMarker", p.key(page[len(page)-1].key))
		x.text("NextUploadIdMarker", page[len(page)-1].id)
	}
	x.optional("EncodingType", p.encoding)
	x.number("MaxUploads", p.size)
	x.flag("IsTruncated", len(page) < len(all))
	for _, u := range page {
		x.open("Upload")
		x.text("Key", p.key(u.key))
		x.text("UploadId", u.id)
		x.text("Initiated", modified)
		x.close("Upload")
	}
	x.close("ListMultipartUploadsResult")
	return respond(x)
}

func (s *Server) abortUpload(r request) answer {
	if !r.wait(s.config.Delete) {
		return answer{isReset: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.uploads, upload{r.key, r.query.Get("uploadId")})
	if i < 0 {
		return refuse(&refusal{http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be " +
			"invalid, or the upload may have been aborted or completed."})
	}
	s.uploads = slices.Delete(s.uploads, i, i+1)
	return answer{status: http.StatusNoContent}
}
