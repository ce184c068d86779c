// Package workerport is the contract between a worker pod and the platform: the routes of the gateway's internal port,
// the environment and files of the pod, and what the pod says when it ends. The manager builds pods by it, the gateway
// serves it, the worker keeps to it.
//
// A worker authenticates with its pod-bound token of the audience Audience as a bearer token. The gateway learns from a
// TokenReview which pod it is, hence which job and part, and serves that one only: no route names a job.
package workerport

import (
	"strconv"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// Audience of the tokens that the internal port takes.
const Audience = "khocr"

// ServiceAccount of worker pods in the namespace of an organization.
const ServiceAccount = "khocr-worker"

// Routes of the internal port, in the notation of gorilla/mux.
const (
	// GET PathTicket answers a Ticket.
	PathTicket = "/internal/v1/ticket"
	// GET PathDocument answers the document's bytes. A document with a URL source is fetched by the first call and kept.
	// A failure is a Refusal: with status 422 it is final and the document fails for its reason, otherwise it may be
	// tried again.
	PathDocument = "/internal/v1/document"
	// GET PathDocumentDirect is PathDocument for a worker that may reach the store itself: where the store can sign, it
	// answers 307 with a Location that is good for this document alone and for some minutes, and a Direct that tells how it is
	// reached. The Location is a secret, and the token is not for it. Whatever goes wrong there, PathDocument is tried next.
	PathDocumentDirect = PathDocument + "?direct=true"
	// GET PathPages answers the numbers of the pages that all parts together have stored, as a list of JSON.
	PathPages = "/internal/v1/pages"
	// GET PathPage answers a document.Page that was stored, whichever attempt did it; 404 where there is none.
	//
	// PUT PathPage stores a document.Page, once: 201 where it was stored, 200 where one had been stored before, which
	// then stands. The page number must be the page's, and its JSON has at most MaxPageBytes. 413 where it has more, or the
	// pages of the job together have more than the platform keeps; a page without a result is taken even then.
	PathPage = "/internal/v1/pages/{page:[0-9]+}"
	// PUT PathPreview stores a small image of the upright page, once, as PUT PathPage does. It is a JPEG of at most MaxPreviewBytes
	// and of at most MaxPreviewSide pixels a side.
	PathPreview = "/internal/v1/pages/{page:[0-9]+}/preview"
	// POST PathReading has the AI model of the job read a page, or correct lines of it, and stores what comes of it: 201 where it was
	// stored, 200 where a result had been stored before, which then stands; the body is the stored document.Page. The request is
	// multipart/form-data: PartPage is the page as the recogniser read it, a document.Page in JSON of at most MaxPageBytes, then come
	// images in the media type of Ticket.AI, of MaxImageBytes together: for a reader one in PartImage, the upright page; for a
	// corrector one in LinePart for each line that is unsure. A part that is missing means that it could not be drawn. The answer
	// takes as long as the model does, up to Ticket.AI.TimeoutSeconds. Whatever the model does, there is a result in the end: 503
	// says no more than with other routes.
	PathReading = "/internal/v1/pages/{page:[0-9]+}/reading"
	// PUT PathSearchable stores a part of the job's searchable PDF, Appendix or Whole, once, as PUT PathPage does. It has at
	// most MaxSearchableBytes.
	PathSearchable = "/internal/v1/searchable/{part:appendix|whole}"
)

// Parts of a searchable PDF. A job has one of them, or none.
const (
	// Appendix follows the document's own bytes.
	Appendix = "appendix"
	// Whole is the PDF itself.
	Whole = "whole"
)

// SearchablePath is PathSearchable for one part.
func SearchablePath(part string) string { return "/internal/v1/searchable/" + part }

// MaxSearchableBytes bounds a part of a searchable PDF: some thousand scanned pages, each in full.
const MaxSearchableBytes = 2 << 30

// PagePath is PathPage for one page.
func PagePath(page int) string { return "/internal/v1/pages/" + strconv.Itoa(page) }

// PreviewPath is PathPreview for one page.
func PreviewPath(page int) string { return PagePath(page) + "/preview" }

// ReadingPath is PathReading for one page.
func ReadingPath(page int) string { return PagePath(page) + "/reading" }

// Parts of a POST PathReading.
const (
	PartPage  = "page"
	PartImage = "image"
)

// LinePart is the name of the part with the image of a line of the page, counted from 0.
func LinePart(line int) string { return "line-" + strconv.Itoa(line) }

// MaxImageBytes bounds the images of a page for an AI model, together: a grey page of A4 with 2,048 pixels on its long side takes
// some 700 KB as JPEG.
const MaxImageBytes = 2 << 20

// Bounds of a preview. A page of A4 has 1,100 pixels on its long side and takes about 100 KB; nothing but noise takes a quarter of
// the bytes.
const (
	MaxPreviewBytes = 1 << 20
	MaxPreviewSide  = 1200
)

// MaxPageBytes bounds the result of one page: a dense newspaper page takes 2 MB. Whoever reads a page holds ten times as
// much memory.
const MaxPageBytes = 4 << 20

// Status codes that mean more than HTTP says: 401 with any route while the pod's UID is not recorded on the job yet, so
// a worker that has just started tries again; 410 once the job has ended, so the worker goes; 429 to a worker that asks
// without end, with a Retry-After in seconds.

// Ticket is what a worker needs to know of its job.
type Ticket struct {
	Namespace string `json:"namespace"`
	Job       string `json:"job"`
	UID       string `json:"uid"`
	Part      int32  `json:"part"`
	// Password of the document, where it has one.
	Password string `json:"password,omitempty"`
	// Mode is auto, force or skip.
	Mode string `json:"mode"`
	// Correct what was recognised by what stands around it.
	Correct bool `json:"correct"`
	// Pages that were asked for, as in an OcrJob's spec; empty for all.
	Pages string `json:"pages"`
	// Partition says which of them are the part's, once the document has told how many there are: Share of the part, by their
	// order. All are where it is missing.
	Partition *v1alpha1.Partition `json:"partition,omitempty"`
	// Model is the name of the OcrModel that recognises pages, TrainedData what Tesseract loads for it. Where an AI model reads the
	// document, it is the one that stands by.
	Model       string `json:"model"`
	TrainedData string `json:"trained_data"`
	// MaxPages is the number of pages beyond which a document is refused with TooManyPages.
	MaxPages int `json:"max_pages"`
	// PageTimeoutSeconds bounds one page.
	PageTimeoutSeconds int `json:"page_timeout_seconds"`
	// AI says what an AI model is to do with recognised pages; nil for nothing.
	AI *AITask `json:"ai,omitempty"`
	// Stored are the pages that need no more work, in order; of the part alone if it is known which those are.
	Stored []StoredPage `json:"stored"`
}

// AITask is what an AI model is to do with pages that were recognised, those whose source is document.SourceOCR. Such a page goes to
// PathReading in place of PathPage, unless it has an error; a corrector's goes to PathPage if no line of it is unsure.
type AITask struct {
	Role document.AIRole `json:"role"`
	// MaxSide is that of an image in pixels, at the most; MediaType is image/jpeg or image/png. An image that is too large in bytes
	// may be a JPEG in place of a PNG.
	MaxSide   int    `json:"max_side"`
	MediaType string `json:"media_type"`
	// TimeoutSeconds bounds the answer of PathReading.
	TimeoutSeconds int `json:"timeout_seconds"`
	// AtOnce is how many pages of the worker may wait for the model at a time.
	AtOnce int `json:"at_once"`
	// UnsureBelow is the confidence of lines in percent below which a corrector is asked about them, MaxLines how many of a page at
	// the most: the least sure.
	UnsureBelow float64 `json:"unsure_below,omitempty"`
	MaxLines    int     `json:"max_lines,omitempty"`
}

// StoredPage is a page whose result is kept.
type StoredPage struct {
	Number  int              `json:"number"`
	Outcome document.Outcome `json:"outcome"`
	// AI tells that the text is an AI model's.
	AI bool `json:"ai,omitempty"`
}

// Stored is what counts of a page that was stored.
func Stored(page *document.Page) StoredPage {
	return StoredPage{
		Number: page.Number, Outcome: page.Outcome(),
		AI: page.Error == nil && page.AI != nil && page.AI.Used && page.AI.Role == document.RoleReader,
	}
}

// Direct is the body of a 307, which says how the host of its Location is reached.
type Direct struct {
	// Addresses of the host, each IP:PORT: workers need no DNS.
	Addresses []string `json:"addresses"`
	// Authorities are the PEM certificates that the host's is signed by; empty for the public ones of the worker's image.
	Authorities string `json:"authorities,omitempty"`
}

// Refusal is the body of an error answer of the internal port.
type Refusal struct {
	// Reason is one of the Reason constants of an OcrJob's failure where the document is to blame; else a word for logs.
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Environment of a worker pod.
const (
	// EnvGatewayURL is the internal port's base URL, for example https://10.96.3.4:8443, by address: workers need no DNS.
	EnvGatewayURL = "KHOCR_GATEWAY_URL"
	// EnvGatewayName is the name in the internal port's certificate.
	EnvGatewayName = "KHOCR_GATEWAY_NAME"
	// EnvGatewayCA holds the PEM certificates that the internal port's is signed by.
	EnvGatewayCA = "KHOCR_GATEWAY_CA"
	// EnvStoreInReach is "true" where the pod may reach the addresses of the store.
	EnvStoreInReach = "KHOCR_STORE_IN_REACH"
	// EnvPodName is the pod's own name, for logs.
	EnvPodName = "KHOCR_POD_NAME"
	// EnvOrganization is the name of the organization, for logs.
	EnvOrganization = "KHOCR_ORGANIZATION"
	// EnvCPULimit is the pod's CPU limit in whole cores, rounded up: one engine child for each.
	EnvCPULimit = "KHOCR_CPU_LIMIT"
	// EnvMemoryLimit is the pod's memory limit in bytes.
	EnvMemoryLimit = "KHOCR_MEMORY_LIMIT"
)

// Files of a worker pod.
const (
	// GatewayTokenFile holds the token of audience Audience; the kubelet renews it in place.
	GatewayTokenFile = "/var/run/secrets/khocr/token"
	// WorkDir is an empty folder of the pod's own for the document.
	WorkDir = "/work"
	// TerminationFile takes a Termination as JSON.
	TerminationFile = "/dev/termination-log"
)

// Exit codes of a worker.
const (
	// ExitDone: every page of the part has a stored result and the last progress was reported.
	ExitDone = 0
	// ExitTemporary: the worker could not go on; another attempt may.
	ExitTemporary = 75
	// ExitBadDocument: no attempt can process the document. The termination message says why.
	ExitBadDocument = 65
)

// ReasonUnavailable of a Termination: the internal port or the API server did not answer for minutes, or said all the while that
// it cannot serve.
const ReasonUnavailable = "GatewayUnavailable"

// Termination is the termination message of a worker that did not end with ExitDone.
type Termination struct {
	// Reason is one of the Reason constants of an OcrJob's failure for ExitBadDocument; else a word for events.
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// FieldManager is the name under which the worker of a part applies its progress to the OcrJob's status.
func FieldManager(part int32) string { return "khocr-worker-" + strconv.Itoa(int(part)) }
