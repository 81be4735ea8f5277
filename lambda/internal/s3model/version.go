package s3model

import (
	"strconv"
	"strings"
)

const nullVersion = "null"

// versionText starts each version id. The serial follows, so that all are as long as those of S3: 32 characters.
const versionText = "3HL4kqtJvjVBH40NrjfkdWxx"

// version is the id of an entry.
func (e entry) version() string {
	if e.has(isNull) {
		return nullVersion
	}
	return versionText + strconv.FormatUint(1<<35+uint64(e.serial), 32)
}

// serialOf reads a version id other than "null". It reports false for what was never issued.
func (s *Server) serialOf(version string) (serial uint32, isIssued bool) {
	text, isOurs := strings.CutPrefix(version, versionText)
	n, err := strconv.ParseUint(text, 32, 64)
	n -= 1 << 35
	if !isOurs || err != nil || len(version) != 32 || n == 0 || n > uint64(s.serial) {
		return 0, false
	}
	return uint32(n), true
}

// lookup finds the version of an id. Nothing is found for one that was deleted.
func (s *Server) lookup(key, version string) (e *entry, isIssued bool) {
	if version == nullVersion {
		return s.entries.null(key), true
	}
	serial, isIssued := s.serialOf(version)
	if !isIssued {
		return nil, false
	}
	if e = s.entries.get(key, serial); e != nil && e.has(isNull) {
		e = nil
	}
	return e, true
}
