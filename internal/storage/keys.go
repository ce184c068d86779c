package storage

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// UploadKey is where the uploaded document of an identity lies.
func UploadKey(namespace, id string) string {
	return path.Join(namespace, "uploads", id)
}

// DocumentKey is where the fetched document of a job with a URL source lies.
func DocumentKey(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "document")
}

// PageKey is where the result of a page lies, number from 1.
func PageKey(namespace string, job types.UID, number int) string {
	return PagesPrefix(namespace, job) + fmt.Sprintf("%06d%s", number, pageSuffix)
}

// PagesPrefix begins the keys of all pages of a job.
func PagesPrefix(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "pages") + "/"
}

const pageSuffix = ".json"

func jobPrefix(namespace string, job types.UID) string {
	return path.Join(namespace, "jobs", string(job))
}

// pageNumber reads the number back from a page's key. Whatever else lies beside the pages, such as a temporary file that
// a killed process left, is no page.
func pageNumber(prefix, key string) (int, bool) {
	digits, found := strings.CutSuffix(strings.TrimPrefix(key, prefix), pageSuffix)
	if !found || len(digits) != 6 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 32)
	return int(number), err == nil && number > 0
}

// KeyUseKey is where the last use of each API key of the organization that owns the namespace lies.
func KeyUseKey(namespace string) string {
	return path.Join(namespace, "key-use.json")
}

// validKey tells whether a key is one that every driver takes as it is: the file driver rewrites what cannot be a path,
// and its file would then not be where its key says.
func validKey(key string) bool {
	return fs.ValidPath(key) && key != "." && !strings.ContainsFunc(key, func(r rune) bool { return !strings.ContainsRune(keyCharacters, r) })
}

const keyCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./"
