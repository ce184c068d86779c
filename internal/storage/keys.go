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

// UploadsPrefix begins the keys of all uploaded documents of a namespace and of their passwords.
func UploadsPrefix(namespace string) string {
	return path.Join(namespace, "uploads") + "/"
}

const passwordSuffix = ".password"

// UploadOf reads the identity of the upload back from the key of a document or of its password.
func UploadOf(namespace, key string) string {
	return strings.TrimSuffix(strings.TrimPrefix(key, UploadsPrefix(namespace)), passwordSuffix)
}

// PasswordKey is where the sealed password of an uploaded document lies, where it has one.
func PasswordKey(namespace, id string) string {
	return UploadKey(namespace, id) + passwordSuffix
}

// DocumentKey is where the fetched document of a job with a URL source lies.
func DocumentKey(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "document")
}

// AppendixKey is where that part of a job's searchable PDF lies which follows the document's own bytes. WholeKey is where
// the whole of it lies if the document cannot be continued, because it is no PDF or a damaged one. A job has one of them, or
// none.
func AppendixKey(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "appendix.pdf")
}

// WholeKey: see AppendixKey.
func WholeKey(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "whole.pdf")
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

// PreviewKey is where the small image of a page lies, number from 1. They lie apart from the pages, whose keys are listed often.
func PreviewKey(namespace string, job types.UID, number int) string {
	return PreviewsPrefix(namespace, job) + fmt.Sprintf("%06d.jpg", number)
}

// CorrectionsKey is where the corrections of a page lie that somebody made, revision from 1.
func CorrectionsKey(namespace string, job types.UID, number, revision int) string {
	return CorrectionsPrefix(namespace, job) + fmt.Sprintf("%06d/%06d%s", number, revision, pageSuffix)
}

// CorrectionsPrefix begins the keys of the corrections of all pages of a job.
func CorrectionsPrefix(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "corrections") + "/"
}

// PreviewsPrefix begins the keys of the small images of all pages of a job.
func PreviewsPrefix(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "previews") + "/"
}

// JobPrefix begins the keys of everything that was made for a job; the uploaded document is not among it.
func JobPrefix(namespace string, job types.UID) string {
	return jobPrefix(namespace, job) + "/"
}

// JobsPrefix begins the keys of everything that was made for the jobs of a namespace, and goes on with their UIDs.
func JobsPrefix(namespace string) string {
	return path.Join(namespace, "jobs") + "/"
}

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

// WebhooksPrefix begins the keys of the messages of a namespace that are still to be delivered.
func WebhooksPrefix(namespace string) string {
	return path.Join(namespace, "webhooks") + "/"
}

// WebhookKey is where the message about the end of a job lies until it is delivered.
func WebhookKey(namespace string, job types.UID) string {
	return WebhooksPrefix(namespace) + string(job) + ".json"
}

// WebhookOutcomeKey is where it lies what became of the message about the end of a job.
func WebhookOutcomeKey(namespace string, job types.UID) string {
	return path.Join(jobPrefix(namespace, job), "webhook.json")
}

// RecordsPrefix begins the keys of the records of a namespace.
func RecordsPrefix(namespace string) string {
	return path.Join(namespace, "records") + "/"
}

// RecordKey is where the record of an ended job lies, by the job's name.
func RecordKey(namespace, name string) string {
	return path.Join(namespace, "records", name+".json")
}

// IndexPrefix begins the keys that find the records of a namespace by time.
func IndexPrefix(namespace string) string {
	return path.Join(namespace, "index") + "/"
}

// AuditPrefix begins the keys of who did what in a namespace, and goes on with the day as 2006-01-02.
func AuditPrefix(namespace string) string {
	return path.Join(namespace, "audit") + "/"
}

// KeyUseKey is where the last use of each API key of the organization that owns the namespace lies.
func KeyUseKey(namespace string) string {
	return path.Join(namespace, "key-use.json")
}

// SpendingPrefix begins the keys of what the organization that owns the namespace has spent on AI models.
func SpendingPrefix(namespace string) string {
	return path.Join(namespace, "spending") + "/"
}

// SpendingMonthPrefix begins the keys of what was spent in a month, as 2006-01.
func SpendingMonthPrefix(namespace, month string) string {
	return SpendingPrefix(namespace) + month + "/"
}

// SpendingKey is where it lies what was spent in a month through one gateway process.
func SpendingKey(namespace, month, process string) string {
	return SpendingMonthPrefix(namespace, month) + process + ".json"
}

// validKey tells whether a key is one that every driver takes as it is: the file driver rewrites what cannot be a path,
// and its file would then not be where its key says.
func validKey(key string) bool {
	return fs.ValidPath(key) && key != "." && !strings.ContainsFunc(key, func(r rune) bool { return !strings.ContainsRune(keyCharacters, r) })
}

const keyCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./"
