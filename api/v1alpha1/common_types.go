package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LocalizedText is a text for people, in the two languages of the platform.
type LocalizedText struct {
	// English text.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +required
	En string `json:"en,omitempty"`

	// Khmer text. Where it is missing the English text is shown.
	// +kubebuilder:validation:MaxLength=200
	// +optional
	Km string `json:"km,omitempty"`
}

// Priority orders the jobs that wait for a worker, and decides which running one makes room for another.
// +kubebuilder:validation:Enum=high;normal;low
type Priority string

const (
	PriorityHigh   Priority = "high"
	PriorityNormal Priority = "normal"
	PriorityLow    Priority = "low"
)

// ConditionReady is the condition of Organizations and OcrModels that says whether they can be used.
const ConditionReady = "Ready"

// ConditionReconciling and ConditionStalled say of Organizations, OcrModels and OcrJobs what Git tools want to know, by the
// rules of kstatus: whether more is about to happen by itself, and whether nothing will happen before somebody changes
// something. They are there only while they are true.
const (
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
)

// ConditionKeyConflict is the condition of Organizations that is true while an API key of theirs is also another one's. The
// gateway refuses such a key. It is missing otherwise.
const ConditionKeyConflict = "KeyConflict"

// ConditionReachable is the condition of OcrModels of the engine openai that says whether the relay reaches their endpoint, and that
// it has the model. The relay writes it.
const ConditionReachable = "Reachable"

// ConditionDefaultConflict is the condition of OcrModels that is true on one which claims to be the default while an older
// one is. It is missing otherwise.
const ConditionDefaultConflict = "DefaultConflict"

// LabelOrganization names, on a namespace and on every worker pod, the Organization that they belong to.
const LabelOrganization = "ocr.openplp.com/organization"

// LabelJob names, on a worker pod, the OcrJob that it works for.
const LabelJob = "ocr.openplp.com/job"

// LabelPart is, on a worker pod, the part of the document that it works on, from 0.
const LabelPart = "ocr.openplp.com/part"

// LabelAttempt is, on a worker pod, the number of the attempt at its part, from 1.
const LabelAttempt = "ocr.openplp.com/attempt"

// LabelAPIKey is, on an OcrJob that came by the public API, the name of the API key that it came with.
const LabelAPIKey = "ocr.openplp.com/api-key"

// AnnotationIdempotencyKey is, on an OcrJob whose submission had an Idempotency-Key, the SHA-256 of that key in hexadecimal
// digits, and AnnotationPayload that of what was submitted under it.
const (
	AnnotationIdempotencyKey = "ocr.openplp.com/idempotency-key"
	AnnotationPayload        = "ocr.openplp.com/payload"
)

// FinalizerLedger keeps an OcrJob until its pages are settled in the ledger of its Organization.
const FinalizerLedger = "ocr.openplp.com/ledger"

// FinalizerDrain keeps an Organization until its jobs have ended and their pages are settled.
const FinalizerDrain = "ocr.openplp.com/drain"

// Older tells which of two objects came first, by name among those of the same second. The older one wins where two claim
// what only one can have.
func Older(a, b metav1.Object) bool {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if at.Equal(&bt) {
		return a.GetName() < b.GetName()
	}
	return at.Before(&bt)
}
