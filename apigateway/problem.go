package apigateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/serving"
)

// Problem is a kind of error answer. Code, Status and the texts are part of the API: programs decide by Code.
type Problem struct {
	// Code is the stable machine word.
	Code string
	// Status of HTTP.
	Status int
	// Title in a few words of English, the same for every occurrence.
	Title string
	// English and Khmer say in a sentence what went wrong, for people.
	English, Khmer string
}

// Problems lists every kind of error answer of the public API, in the order of their statuses.
func Problems() []Problem {
	return []Problem{
		unsupportedContentType, malformedForm, missingFile, emptyFile, tooManyFiles, invalidFile, fileTooLarge,
		malformedQuery, unknownParameter, duplicateParameter, invalidParameter, parameterTooLong, formTooLarge, uploadIncomplete,
		uploadTooSlow, invalidPages, unknownModel, invalidMetadata, invalidCallback, unknownWebhookSecret, callbackUnsigned,
		invalidIdempotencyKey,
		missingAPIKey, invalidAPIKey, keyExpired, invalidEventToken,
		organizationClosed, organizationSuspended, insufficientScope, priorityNotAllowed, modelNotAllowed, externalModelNotAllowed,
		notFound, jobNotFound, pageNotFound, previewNotFound, usageNotFound, methodNotAllowed,
		jobNotFinished, jobFailed, jobCancelled, jobNotRetryable, pageNotReady, formatUnavailable,
		resultExpired, jobDeleted,
		correctionsChanged,
		rangeNotSatisfiable,
		idempotencyKeyReused,
		rateLimited, pageQuotaExceeded, tooManyStreams, tooManyTransfers,
		internalError,
		storeUnavailable, serviceUnavailable, organizationNotReady, planNotFound, modelNotReady,
	}
}

var (
	unsupportedContentType = Problem{"unsupported_content_type", 400, "Unsupported content type",
		"The request must be multipart/form-data with a boundary.",
		"សំណើត្រូវតែមានទម្រង់ multipart/form-data។"}
	malformedForm = Problem{"malformed_form", 400, "Malformed form",
		"The multipart form cannot be read.",
		"មិនអាចអានទម្រង់បែបបទ multipart ដែលបានផ្ញើមកទេ។"}
	missingFile = Problem{"missing_file", 400, "Missing file",
		"The form has no field file.",
		"សំណើមិនមានឯកសារទេ សូមផ្ញើឯកសារក្នុងវាល file។"}
	emptyFile = Problem{"empty_file", 400, "Empty file",
		"The file has no content.",
		"ឯកសារដែលបានផ្ញើមកគ្មានខ្លឹមសារទេ។"}
	tooManyFiles = Problem{"too_many_files", 400, "Too many files",
		"The form has more than one field file; send one document in a request.",
		"អាចផ្ញើឯកសារបានតែមួយប៉ុណ្ណោះក្នុងសំណើមួយ។"}
	invalidFile = Problem{"invalid_file", 400, "Invalid file",
		"The content of the file is neither PDF nor PNG, JPEG or TIFF.",
		"ប្រភេទឯកសារនេះមិនត្រូវបានគាំទ្រទេ សូមផ្ញើ PDF, PNG, JPEG ឬ TIFF។"}
	fileTooLarge = Problem{"file_too_large", 400, "File too large",
		"The file is larger than the plan allows.",
		"ឯកសារធំជាងទំហំដែលគម្រោងសេវារបស់អ្នកអនុញ្ញាត។"}
	malformedQuery = Problem{"malformed_query", 400, "Malformed query",
		"The query of the address cannot be read.",
		"មិនអាចអានសំណួរ (query) នៃអាសយដ្ឋានបានទេ។"}
	unknownParameter = Problem{"unknown_parameter", 400, "Unknown parameter",
		"The request has a parameter that is not known.",
		"សំណើមានប៉ារ៉ាម៉ែត្រដែលមិនស្គាល់។"}
	duplicateParameter = Problem{"duplicate_parameter", 400, "Duplicate parameter",
		"The request has a parameter more than once.",
		"សំណើមានប៉ារ៉ាម៉ែត្រតែមួយច្រើនជាងម្តង។"}
	invalidParameter = Problem{"invalid_parameter", 400, "Invalid parameter",
		"A parameter has a value that it cannot have.",
		"តម្លៃរបស់ប៉ារ៉ាម៉ែត្រមិនត្រឹមត្រូវ។"}
	parameterTooLong = Problem{"parameter_too_long", 400, "Parameter too long",
		"The value of a parameter is too long.",
		"តម្លៃរបស់ប៉ារ៉ាម៉ែត្រវែងពេក។"}
	formTooLarge = Problem{"form_too_large", 400, "Form too large",
		"The form is too large even without the file.",
		"ទម្រង់បែបបទធំពេក ទោះបីមិនគិតឯកសារក៏ដោយ។"}
	uploadIncomplete = Problem{"upload_incomplete", 400, "Upload incomplete",
		"The upload broke off before its end.",
		"ការផ្ញើឯកសារត្រូវបានកាត់ផ្តាច់មុនពេលបញ្ចប់។"}
	uploadTooSlow = Problem{"upload_too_slow", 400, "Upload too slow",
		"The upload came too slowly.",
		"ការផ្ញើឯកសារយឺតពេក។"}
	invalidPages = Problem{"invalid_pages", 400, "Invalid pages",
		"The pages asked for are no list of numbers and ranges.",
		"បញ្ជីទំព័រមិនត្រឹមត្រូវ ត្រូវតែជាលេខ និងចន្លោះលេខ ដូចជា 1-3,7។"}
	unknownModel = Problem{"unknown_model", 400, "Unknown model",
		"There is no model of this name.",
		"គ្មានម៉ូដែលដែលមានឈ្មោះនេះទេ។"}
	invalidMetadata = Problem{"invalid_metadata", 400, "Invalid metadata",
		"The metadata is no JSON object of texts, or has too much in it.",
		"metadata ត្រូវតែជាវត្ថុ JSON នៃអត្ថបទ ហើយមិនធំពេក។"}
	invalidCallback = Problem{"invalid_callback", 400, "Invalid callback",
		"The address of the callback is none, or is not allowed.",
		"អាសយដ្ឋាន callback_url មិនត្រឹមត្រូវ ឬមិនត្រូវបានអនុញ្ញាតទេ។"}
	unknownWebhookSecret = Problem{"unknown_webhook_secret", 400, "Unknown webhook secret",
		"The organization has no webhook secret of this name.",
		"អង្គភាពរបស់អ្នកគ្មានសោសម្ងាត់ webhook ដែលមានឈ្មោះនេះទេ។"}
	callbackUnsigned = Problem{"callback_unsigned", 400, "Callback unsigned",
		"The organization has no webhook secret, so no message to a callback could be signed.",
		"អង្គភាពរបស់អ្នកគ្មានសោសម្ងាត់ webhook ទេ ដូច្នេះមិនអាចចុះហត្ថលេខាលើសារទៅ callback_url បានទេ។"}
	invalidIdempotencyKey = Problem{"invalid_idempotency_key", 400, "Invalid idempotency key",
		"The header Idempotency-Key must be there once, with 1 to 255 printable ASCII characters.",
		"បឋមកថា Idempotency-Key ត្រូវមានតែម្តង ដោយមានតួអក្សរ ASCII ពី 1 ដល់ 255។"}

	missingAPIKey = Problem{"missing_api_key", 401, "Missing API key",
		"Send an API key in the header X-API-Key or the query parameter api_key.",
		"សំណើមិនមានកូដ API ទេ សូមផ្ញើវាក្នុងបឋមកថា X-API-Key។"}
	invalidAPIKey = Problem{"invalid_api_key", 401, "Invalid API key",
		"The API key is not known.",
		"មិនស្គាល់កូដ API នេះទេ។"}
	keyExpired = Problem{"key_expired", 401, "API key expired",
		"The API key has expired.",
		"កូដ API នេះបានផុតកំណត់ហើយ។"}
	invalidEventToken = Problem{"invalid_event_token", 401, "Invalid event token",
		"The token is not one for the events of this job, or it is not good any more.",
		"ថូខឹននេះមិនត្រឹមត្រូវសម្រាប់ព្រឹត្តិការណ៍នៃការងារនេះ ឬបានផុតកំណត់ហើយ។"}

	organizationClosed = Problem{"organization_closed", 403, "Organization closed",
		"The organization is being removed and cannot submit documents.",
		"អង្គភាពរបស់អ្នកកំពុងត្រូវបានលុបចេញ ដូច្នេះមិនអាចដាក់ឯកសារបានទេ។"}
	organizationSuspended = Problem{"organization_suspended", 403, "Organization suspended",
		"The organization is suspended and cannot submit documents.",
		"អង្គភាពរបស់អ្នកត្រូវបានផ្អាក ដូច្នេះមិនអាចដាក់ឯកសារបានទេ។"}
	insufficientScope = Problem{"insufficient_scope", 403, "Insufficient scope",
		"The API key does not have the scope that this needs.",
		"កូដ API នេះគ្មានសិទ្ធិសម្រាប់ប្រតិបត្តិការនេះទេ។"}
	priorityNotAllowed = Problem{"priority_not_allowed", 403, "Priority not allowed",
		"The plan does not allow this priority.",
		"គម្រោងសេវារបស់អ្នកមិនអនុញ្ញាតអាទិភាពនេះទេ។"}
	modelNotAllowed = Problem{"model_not_allowed", 403, "Model not allowed",
		"The plan does not have this model.",
		"គម្រោងសេវារបស់អ្នកមិនមានម៉ូដែលនេះទេ។"}
	externalModelNotAllowed = Problem{"external_model_not_allowed", 403, "External model not allowed",
		"Pages that this model reads leave the cluster, which the organization has not allowed.",
		"ទំព័រដែលម៉ូដែលនេះអាននឹងត្រូវផ្ញើចេញក្រៅប្រព័ន្ធ ដែលអង្គភាពរបស់អ្នកមិនបានអនុញ្ញាត។"}

	notFound = Problem{"not_found", 404, "Not found",
		"There is nothing at this address.",
		"គ្មានអ្វីនៅអាសយដ្ឋាននេះទេ។"}
	jobNotFound = Problem{"job_not_found", 404, "Job not found",
		"There is no job of this id.",
		"រកមិនឃើញការងារដែលមានលេខសម្គាល់នេះទេ។"}
	pageNotFound = Problem{"page_not_found", 404, "Page not found",
		"There is no page of this number.",
		"រកមិនឃើញទំព័រដែលមានលេខនេះទេ។"}
	previewNotFound = Problem{"preview_not_found", 404, "Preview not found",
		"There is no image of this page.",
		"ទំព័រនេះគ្មានរូបភាពមើលជាមុនទេ។"}
	usageNotFound = Problem{"usage_not_found", 404, "Usage not found",
		"There are no figures of this month.",
		"គ្មានទិន្នន័យនៃការប្រើប្រាស់សម្រាប់ខែនេះទេ។"}
	methodNotAllowed = Problem{"method_not_allowed", 405, "Method not allowed",
		"This address does not take this method.",
		"អាសយដ្ឋាននេះមិនទទួលវិធីសាស្ត្រ HTTP នេះទេ។"}

	jobNotFinished = Problem{"job_not_finished", 409, "Job not finished",
		"The job has not finished yet, so it has no result.",
		"ការងារនេះមិនទាន់បញ្ចប់នៅឡើយទេ ដូច្នេះមិនទាន់មានលទ្ធផល។"}
	jobFailed = Problem{"job_failed", 409, "Job failed",
		"The job failed, so it has no result.",
		"ការងារនេះបានបរាជ័យ ដូច្នេះគ្មានលទ្ធផលទេ។"}
	jobCancelled = Problem{"job_cancelled", 409, "Job cancelled",
		"The job was cancelled before a page of it was finished.",
		"ការងារនេះត្រូវបានបោះបង់ មុនពេលមានទំព័រណាមួយរួចរាល់។"}
	jobNotRetryable = Problem{"job_not_retryable", 409, "Job not retryable",
		"There is nothing of this job that could be tried again.",
		"គ្មានអ្វីនៃការងារនេះដែលអាចព្យាយាមម្តងទៀតបានទេ។"}
	pageNotReady = Problem{"page_not_ready", 409, "Page not ready",
		"The page is not ready yet.",
		"ទំព័រនេះមិនទាន់រួចរាល់នៅឡើយទេ។"}
	formatUnavailable = Problem{"format_unavailable", 409, "Format unavailable",
		"The result of the job is not there in this format.",
		"លទ្ធផលនៃការងារនេះមិនមានក្នុងទម្រង់នេះទេ។"}

	resultExpired = Problem{"result_expired", 410, "Result expired",
		"The result of the job is not kept any more.",
		"លទ្ធផលនៃការងារនេះលែងត្រូវបានរក្សាទុកទៀតហើយ។"}
	jobDeleted = Problem{"job_deleted", 410, "Job deleted",
		"The job was deleted with its document and result.",
		"ការងារនេះត្រូវបានលុបចោល រួមទាំងឯកសារ និងលទ្ធផលរបស់វា។"}

	correctionsChanged = Problem{"corrections_changed", 412, "Corrections changed",
		"Somebody else has corrected the page meanwhile. Look at it again.",
		"មានអ្នកផ្សេងបានកែទំព័រនេះរួចហើយ សូមមើលទំព័រនេះម្តងទៀត មុនពេលរក្សាទុក។"}
	rangeNotSatisfiable = Problem{"range_not_satisfiable", 416, "Range not satisfiable",
		"The result does not have the bytes that were asked for.",
		"លទ្ធផលមិនមានផ្នែកដែលបានស្នើសុំទេ។"}

	idempotencyKeyReused = Problem{"idempotency_key_reused", 422, "Idempotency key reused",
		"The Idempotency-Key was used before, for another request.",
		"Idempotency-Key នេះត្រូវបានប្រើរួចហើយសម្រាប់សំណើផ្សេង។"}

	rateLimited = Problem{"rate_limited", 429, "Too many requests",
		"The organization has sent more requests than its plan allows in a minute.",
		"អង្គភាពរបស់អ្នកបានផ្ញើសំណើច្រើនជាងចំនួនដែលគម្រោងសេវាអនុញ្ញាតក្នុងមួយនាទី។"}
	pageQuotaExceeded = Problem{"page_quota_exceeded", 429, "Page quota exceeded",
		"The organization has no pages left this month.",
		"អង្គភាពរបស់អ្នកបានប្រើអស់ចំនួនទំព័រសម្រាប់ខែនេះហើយ។"}
	tooManyStreams = Problem{"too_many_streams", 429, "Too many streams",
		"The organization waits for too many jobs at the same time.",
		"អង្គភាពរបស់អ្នកកំពុងរង់ចាំការងារច្រើនពេកក្នុងពេលតែមួយ។"}

	tooManyTransfers = Problem{"too_many_transfers", 429, "Too many transfers",
		"The organization has too many uploads or downloads under way at the same time.",
		"អង្គភាពរបស់អ្នកកំពុងផ្ញើ ឬទាញយកឯកសារច្រើនពេកក្នុងពេលតែមួយ។"}

	internalError = Problem{"internal_error", 500, "Internal server error",
		"Something went wrong on our side.",
		"មានបញ្ហាកើតឡើងនៅខាងម៉ាស៊ីនមេ។"}

	storeUnavailable = Problem{"store_unavailable", 503, "Store unavailable",
		"Documents cannot be stored or read at present. Try again a little later.",
		"បច្ចុប្បន្នមិនអាចរក្សាទុក ឬអានឯកសារបានទេ សូមព្យាយាមម្តងទៀតនៅពេលបន្តិចទៀត។"}
	serviceUnavailable = Problem{"service_unavailable", 503, "Service unavailable",
		"The service is not available at present. Try again a little later.",
		"បច្ចុប្បន្នសេវានេះមិនអាចប្រើបានទេ សូមព្យាយាមម្តងទៀតនៅពេលបន្តិចទៀត។"}
	organizationNotReady = Problem{"organization_not_ready", 503, "Organization not ready",
		"The organization is not set up yet. Try again a little later, or ask those who run the platform.",
		"អង្គភាពរបស់អ្នកមិនទាន់រៀបចំរួចរាល់ទេ សូមព្យាយាមម្តងទៀតនៅពេលបន្តិចទៀត ឬសួរអ្នកគ្រប់គ្រងប្រព័ន្ធ។"}
	planNotFound = Problem{"plan_not_found", 503, "Plan not found",
		"The plan of the organization is not there. Those who run the platform have to put it right.",
		"រកមិនឃើញគម្រោងសេវារបស់អង្គភាពអ្នកទេ អ្នកគ្រប់គ្រងប្រព័ន្ធត្រូវកែតម្រូវវា។"}
	modelNotReady = Problem{"model_not_ready", 503, "Model not ready",
		"The model is not ready. Try again a little later, or take another one.",
		"ម៉ូដែលមិនទាន់រួចរាល់នៅឡើយទេ សូមព្យាយាមម្តងទៀតនៅពេលបន្តិចទៀត ឬប្រើម៉ូដែលផ្សេង។"}
)

// statusMessages are the contract's texts, which every answer of these statuses carries.
var statusMessages = map[int]struct{ english, khmer string }{
	400: {"Bad request (invalid file or parameters)", "សំណើមិនត្រឹមត្រូវ"},
	401: {"Invalid or missing API key", "កូដ API មិនត្រឹមត្រូវ"},
	403: {"Insufficient permissions", "សិទ្ធិមិនគ្រប់គ្រាន់"},
	404: {"Resource not found", "រកមិនឃើញ"},
	429: {"Rate limit exceeded", "ការស្នើសុំច្រើនពេក"},
	500: {"Internal server error", "កំហុសម៉ាស៊ីនមេ"},
}

// Messages are the texts of the fields message and message_km: the contract's where it knows the status, the problem's
// own elsewhere.
func (p Problem) Messages() (english, khmer string) {
	if fixed, ok := statusMessages[p.Status]; ok {
		return fixed.english, fixed.khmer
	}
	return p.English, p.Khmer
}

// typePrefix begins the type of a problem: a tag URI (RFC 4151), which identifies and is not there to be opened.
const typePrefix = "tag:openplp.com,2026:khocr/problems/"

// defaultRetry is the Retry-After of an answer 503 that knows no better.
const defaultRetry = 10 * time.Second

// problemError is one occurrence of a problem on its way to the caller.
type problemError struct {
	Problem
	detail string
	// detailKm is empty where the problem's own words in Khmer say as much.
	detailKm   string
	retryAfter time.Duration
	// job tells why a job failed, on answers about one.
	job   *jobview.Reason
	cause error
}

func (e *problemError) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.detail
}

func (e *problemError) Unwrap() error { return e.cause }

// because is the problem with the error that led to it, which is logged and never told.
func (p Problem) because(cause error) *problemError {
	return &problemError{Problem: p, detail: p.English, cause: cause}
}

// detailed is the problem with a detail of this occurrence, which the caller reads.
func (p Problem) detailed(format string, values ...any) *problemError {
	return &problemError{Problem: p, detail: fmt.Sprintf(format, values...)}
}

// khmer adds the detail in Khmer.
func (e *problemError) khmer(format string, values ...any) *problemError {
	e.detailKm = fmt.Sprintf(format, values...)
	return e
}

// problemBody is the answer, by RFC 9457.
type problemBody struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail"`
	DetailKm  string          `json:"detail_km"`
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	MessageKm string          `json:"message_km"`
	RequestID string          `json:"request_id"`
	Error     *jobview.Reason `json:"error,omitempty"`
}

func writeProblem(w http.ResponseWriter, r *http.Request, problem *problemError) {
	request := serving.RequestFrom(r.Context())
	request.Code = problem.Code
	if problem.Status == http.StatusServiceUnavailable && problem.retryAfter == 0 {
		problem.retryAfter = defaultRetry
	}
	header := w.Header()
	if problem.retryAfter > 0 {
		header.Set("Retry-After", serving.WholeSeconds(problem.retryAfter))
	}
	if problem.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `ApiKey realm="khocr"`)
	}
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Accept-Language")
	detailKm := cmp.Or(problem.detailKm, problem.Khmer)
	detail, language := problem.detail, "en"
	if prefersKhmer(r) {
		detail, language = detailKm, "km"
	}
	header.Set("Content-Language", language)
	message, messageKm := problem.Messages()
	writeBody(w, r, problem.Status, "application/problem+json", problemBody{
		Type: typePrefix + problem.Code, Title: problem.Title, Status: problem.Status,
		Detail: detail, DetailKm: detailKm, Code: problem.Code,
		Message: message, MessageKm: messageKm, RequestID: request.ID, Error: problem.job,
	})
}

// writeBody answers with a value as JSON.
func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("encode an answer: %w", err)) // our own types encode
	}
	writeEncoded(w, r, status, contentType, body)
}

// writeEncoded answers with JSON, and a line break at its end.
func writeEncoded(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)+1))
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A caller that went away before the answer cannot be told so.
		_, _ = w.Write(append(body, '\n'))
	}
}
