// Package mediatype tells by content which kinds of documents the platform takes. It looks at the first bytes only and
// never parses a document.
package mediatype

import "bytes"

// Media types of the documents that the platform takes.
const (
	PDF  = "application/pdf"
	PNG  = "image/png"
	JPEG = "image/jpeg"
	TIFF = "image/tiff"
)

// HeadBytes is how much of a document Detect wants to see. PDF readers look for the header in the first 1024 bytes
// (ISO 32000-1, Annex H, implementation note 13).
const HeadBytes = 1024

var signatures = []struct{ magic, mediaType string }{
	{"\x89PNG\r\n\x1a\n", PNG},
	{"\xff\xd8\xff", JPEG},
	{"II*\x00", TIFF},
	{"MM\x00*", TIFF},
}

// Detect tells the media type of a document from its first bytes, of which it looks at HeadBytes; "" where it is none
// that the platform takes. The name of a file plays no part.
func Detect(head []byte) string {
	head = head[:min(len(head), HeadBytes)]
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return s.mediaType
		}
	}
	if bytes.Contains(head, []byte("%PDF-")) {
		return PDF
	}
	return ""
}
