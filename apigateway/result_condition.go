package apigateway

import (
	"net/http"
	"strconv"
	"strings"
)

// gzipSuffix ends the entity tag of a result that was sent compressed: it is the same result in other bytes.
const gzipSuffix = "-gzip"

// matches tells whether If-None-Match names a result, compressed or not (RFC 9110, section 13.1.2).
func matches(conditions []string, etag string) bool {
	compressed := strings.TrimSuffix(etag, `"`) + gzipSuffix + `"`
	for _, line := range conditions {
		for _, one := range strings.Split(line, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == "*" || one == etag || one == compressed {
				return true
			}
		}
	}
	return false
}

// byteRange is what a request wants of a result: from first to last, or to the end if last is negative, or the last suffix
// bytes if that is positive.
type byteRange struct {
	first, last, suffix int64
}

// rangeAsked reads the header Range (RFC 9110, section 14.2), or returns nil for the whole result: without the header, where
// the result is not the one of If-Range, and for what is not understood, several ranges among it.
func rangeAsked(r *http.Request, etag string) *byteRange {
	if r.Method != http.MethodGet {
		return nil
	}
	if condition := r.Header.Get("If-Range"); condition != "" && condition != etag {
		return nil
	}
	unit, asked, _ := strings.Cut(r.Header.Get("Range"), "=")
	first, last, isRange := strings.Cut(strings.TrimSpace(asked), "-")
	if !strings.EqualFold(unit, "bytes") || !isRange {
		return nil
	}
	number := func(text string) int64 {
		if parsed, err := strconv.ParseUint(text, 10, 63); err == nil {
			return int64(parsed)
		}
		return -1
	}
	from, to := number(first), number(last)
	switch {
	case first == "" && to >= 0:
		return &byteRange{first: -1, last: -1, suffix: to}
	case from >= 0 && last == "":
		return &byteRange{first: from, last: -1}
	case from >= 0 && to >= from:
		return &byteRange{first: from, last: to}
	default:
		return nil
	}
}

// within tells whether a result of that size has any byte of the range.
func (b *byteRange) within(size int64) bool {
	if b.first < 0 {
		return b.suffix > 0 && size > 0
	}
	return b.first < size
}

// of is where the range begins in a result of a size that it is within, and how long it is there.
func (b *byteRange) of(size int64) (offset, length int64) {
	switch {
	case b.first < 0:
		length = min(b.suffix, size)
		return size - length, length
	case b.last < 0 || b.last >= size:
		return b.first, size - b.first
	default:
		return b.first, b.last - b.first + 1
	}
}
