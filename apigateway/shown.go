package apigateway

import (
	"fmt"
	"strings"

	"github.com/openplp/khocr/apigateway/filename"
)

// shown is a caller's word as it can be repeated in an answer.
func shown(word string) string {
	const limit = 64
	valid := strings.ToValidUTF8(word, "\uFFFD")
	if cut := filename.Truncate(valid, limit); cut != valid {
		return fmt.Sprintf("%q…", cut)
	}
	return fmt.Sprintf("%q", valid)
}
