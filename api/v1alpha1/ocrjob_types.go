package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// OcrJobSpec is what was asked for. Only metadata, suspend, cancel, deadlineSeconds and ttlSecondsAfterFinished may change later.
//
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",message="source cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.outputFormat) == has(oldSelf.outputFormat) && (!has(self.outputFormat) || self.outputFormat == oldSelf.outputFormat)",message="outputFormat cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.ocrMode) == has(oldSelf.ocrMode) && (!has(self.ocrMode) || self.ocrMode == oldSelf.ocrMode)",message="ocrMode cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.correct) == has(oldSelf.correct) && (!has(self.correct) || self.correct == oldSelf.correct)",message="correct cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.fallback) == has(oldSelf.fallback) && (!has(self.fallback) || self.fallback == oldSelf.fallback)",message="fallback cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.priority) == has(oldSelf.priority) && (!has(self.priority) || self.priority == oldSelf.priority)",message="priority cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.languages) == has(oldSelf.languages) && (!has(self.languages) || self.languages == oldSelf.languages)",message="languages cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.pages) == has(oldSelf.pages) && (!has(self.pages) || self.pages == oldSelf.pages)",message="pages cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.model) == has(oldSelf.model) && (!has(self.model) || self.model == oldSelf.model)",message="model cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.retryOf) == has(oldSelf.retryOf) && (!has(self.retryOf) || self.retryOf == oldSelf.retryOf)",message="retryOf cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.callback) == has(oldSelf.callback) && (!has(self.callback) || self.callback == oldSelf.callback)",message="callback cannot change"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)",message="a cancelled job stays cancelled"
type OcrJobSpec struct {
	// Where the document is.
	// +required
	Source DocumentSource `json:"source,omitzero"`

	// Format of the result unless the download asks for another one; json where it is missing.
	// +optional
	OutputFormat OutputFormat `json:"outputFormat,omitempty"`

	// Which pages are recognised: auto keeps the text that a page already has when it is right, force recognises every
	// page, skip recognises none; auto where it is missing.
	// +optional
	OcrMode OcrMode `json:"ocrMode,omitempty"`

	// Whether what recognition is known to confuse in Khmer is corrected by what stands around it: auto does so where a
	// word is unsure, off leaves the text as it was recognised, ai does as auto and then asks an AI model about the lines that are
	// still unsure: the one that is named as model, else the first by name that may be used; auto where it is missing.
	// +optional
	Correct Correction `json:"correct,omitempty"`

	// What becomes of a page that the AI model does not read, or whose answer is not believed: default has it read by the
	// recogniser, none has it fail; default where it is missing.
	// +optional
	Fallback Fallback `json:"fallback,omitempty"`

	// Priority of the job; normal where it is missing.
	// +optional
	Priority Priority `json:"priority,omitempty"`

	// Languages of the document as BCP 47 tags. Where no model is named, the one that reads them all is taken.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`
	// +kubebuilder:validation:items:MaxLength=35
	// +listType=atomic
	// +optional
	Languages []string `json:"languages,omitempty"`

	// Pages to process, as numbers and ranges from 1, for example 1-3,7. All pages where it is missing.
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?(,[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?)*$`
	// +kubebuilder:validation:MaxLength=1000
	// +kubebuilder:validation:XValidation:rule="self.split(',').all(r, !r.contains('-') || int(r.split('-')[0]) <= int(r.split('-')[1]))",message="a page range must not run backwards"
	// +optional
	Pages string `json:"pages,omitempty"`

	// Name of the OcrModel; the default one where it is missing.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Model string `json:"model,omitempty"`

	// Facts of the caller's own about the document, which the platform only repeats.
	// +kubebuilder:validation:MaxItems=20
	// +listType=map
	// +listMapKey=name
	// +optional
	Metadata []MetadataEntry `json:"metadata,omitempty"`

	// Name of the job whose failed pages this one tries again.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=50
	// +optional
	RetryOf string `json:"retryOf,omitempty"`

	// Who is told when the job has ended.
	// +optional
	Callback *Callback `json:"callback,omitempty"`

	// Suspend keeps a job from starting, and stops it if it runs. The pages that it has stored are kept.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// Cancel ends a job for good. The pages that it has stored stay readable.
	// +optional
	Cancel *bool `json:"cancel,omitempty"`

	// Seconds from the job's creation after which it fails if it has not ended. No limit where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	// +optional
	DeadlineSeconds *int64 `json:"deadlineSeconds,omitempty"`

	// Seconds after the job's end when its OcrJob is deleted. Kept until somebody deletes it where it is missing.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// Crashes of the worker after which the job fails; 3 where it is missing. Preemption does not count, and eviction and
	// lost nodes do not as long as pages were finished in between.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
}

// MetadataEntry is one fact about a document.
type MetadataEntry struct {
	// Name of the fact.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$`
	// +kubebuilder:validation:MaxLength=64
	// +required
	Name string `json:"name,omitempty"`

	// The fact.
	// +kubebuilder:validation:MaxLength=500
	// +optional
	Value string `json:"value,omitempty"`
}

// Callback is a webhook by the Standard Webhooks specification.
type Callback struct {
	// Address that the end of the job is posted to, http or https.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHost() != ''",message="url must be an absolute http or https address"
	// +required
	URL string `json:"url,omitempty"`

	// Name of the organization's webhook secret that signs the message; the first one where it is missing.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Secret string `json:"secret,omitempty"`
}

// DocumentSource says where the document is: exactly one of its fields is set.
//
// +kubebuilder:validation:XValidation:rule="has(self.upload) != has(self.url)",message="exactly one of upload and url must be given"
type DocumentSource struct {
	// Document that was uploaded through the public API.
	// +optional
	Upload *Upload `json:"upload,omitempty"`

	// Address from which the platform fetches the document, http or https.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHost() != ''",message="url must be an absolute http or https address"
	// +optional
	URL string `json:"url,omitempty"`
}

// Upload is a document in the blob store.
type Upload struct {
	// Identity of the upload within the namespace of the job.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{12}$`
	// +required
	ID string `json:"id,omitempty"`

	// Name of the file as the caller gave it.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	FileName string `json:"fileName,omitempty"`

	// Media type found in the content.
	// +kubebuilder:validation:MaxLength=100
	// +optional
	MediaType string `json:"mediaType,omitempty"`

	// Size in bytes.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Size int64 `json:"size,omitempty"`

	// SHA-256 of the content in lowercase hexadecimal digits.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +optional
	SHA256 string `json:"sha256,omitempty"`
}

// OutputFormat is a format in which results are delivered.
// +kubebuilder:validation:Enum=json;text;docx;pdf;hocr;alto;markdown
type OutputFormat string

const (
	FormatJSON     OutputFormat = "json"
	FormatText     OutputFormat = "text"
	FormatDocx     OutputFormat = "docx"
	FormatPDF      OutputFormat = "pdf"
	FormatHOCR     OutputFormat = "hocr"
	FormatALTO     OutputFormat = "alto"
	FormatMarkdown OutputFormat = "markdown"
)

// OcrMode says which pages are recognised.
// +kubebuilder:validation:Enum=auto;force;skip
type OcrMode string

const (
	ModeAuto  OcrMode = "auto"
	ModeForce OcrMode = "force"
	ModeSkip  OcrMode = "skip"
)

// Correction says whether recognised text is corrected.
// +kubebuilder:validation:Enum=auto;off;ai
type Correction string

const (
	CorrectAuto Correction = "auto"
	CorrectOff  Correction = "off"
	CorrectAI   Correction = "ai"
)

// Fallback says what becomes of pages that an AI model does not read.
// +kubebuilder:validation:Enum=default;none
type Fallback string

const (
	FallbackDefault Fallback = "default"
	FallbackNone    Fallback = "none"
)

// JobPhase sums up where a job stands.
// +kubebuilder:validation:Enum=Pending;Running;Completed;Failed;Cancelled
type JobPhase string

const (
	PhasePending   JobPhase = "Pending"
	PhaseRunning   JobPhase = "Running"
	PhaseCompleted JobPhase = "Completed"
	PhaseFailed    JobPhase = "Failed"
	PhaseCancelled JobPhase = "Cancelled"
)

// Ended tells whether the phase is final.
func (p JobPhase) Ended() bool {
	return p == PhaseCompleted || p == PhaseFailed || p == PhaseCancelled
}

// OcrJobStatus is where a job stands. The manager writes it, but for the progress entries of the workers.
type OcrJobStatus struct {
	// Where the job stands, in a word.
	// +optional
	Phase JobPhase `json:"phase,omitempty"`

	// Percentage of the pages that are done. It never goes back.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	Progress int32 `json:"progress,omitempty"`

	// Pages of the document by what became of them.
	// +optional
	Pages *PageCounts `json:"pages,omitempty"`

	// Priority in effect.
	// +optional
	Priority Priority `json:"priority,omitempty"`

	// Name of the OcrModel in effect.
	// +optional
	Model string `json:"model,omitempty"`

	// Name of the OcrModel of Tesseract that stands by, where the model in effect is an AI model.
	// +optional
	Recognizer string `json:"recognizer,omitempty"`

	// Name of the AI model that corrects unsure lines, where the job wants that.
	// +optional
	Corrector string `json:"corrector,omitempty"`

	// Pages of the month that each page counts as whose text is the AI model's; 1 where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +optional
	PagesPerPage int32 `json:"pagesPerPage,omitempty"`

	// How the document is shared out among workers. It is recorded when the job is first admitted, and missing on a job that
	// one worker reads whole.
	// +optional
	Partition *Partition `json:"partition,omitempty"`

	// Workers by part of the document. There is one until the pages of a document of several parts are reserved.
	// +kubebuilder:validation:MaxItems=1000
	// +listType=map
	// +listMapKey=part
	// +optional
	Workers []WorkerStatus `json:"workers,omitempty"`

	// Time when the job was accepted, on one that was made again from a backup: it is older than its OcrJob.
	// +optional
	AcceptedAt *metav1.Time `json:"acceptedAt,omitempty"`

	// Time when the first worker pod had a node.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// Time when the job ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// Time from creation to the end, for people, for example 12.5s.
	// +optional
	Elapsed string `json:"elapsed,omitempty"`

	// Where the result is.
	// +optional
	Result *ResultReference `json:"result,omitempty"`

	// Conditions: QuotaReserved, Started, Complete, Failed, Reconciling, Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Generation of the spec that the status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// PageCounts counts the pages that were asked for, by what became of them.
type PageCounts struct {
	// Pages to process.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Total int32 `json:"total,omitempty"`

	// Pages that are done: native, recognized and failed ones.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Done int32 `json:"done,omitempty"`

	// Pages whose own text was kept.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Native int32 `json:"native,omitempty"`

	// Pages that were recognised.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Recognized int32 `json:"recognized,omitempty"`

	// Pages that have no text because processing them failed.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Failed int32 `json:"failed,omitempty"`

	// Pages among the recognised ones whose text is an AI model's.
	// +kubebuilder:validation:Minimum=0
	// +optional
	AI int32 `json:"ai,omitempty"`
}

// Partition says into how many parts a document is cut, each of which has a worker of its own. The worker of the first
// part begins before anybody knows how many pages there are, so it goes by the same record as the manager.
type Partition struct {
	// Pages of one part, unless so many parts would be more than maxWorkers.
	// +kubebuilder:validation:Minimum=1
	// +required
	PagesPerWorker int32 `json:"pagesPerWorker,omitempty"`

	// Parts of a document at the most.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	MaxWorkers int32 `json:"maxWorkers,omitempty"`
}

// WorkerStatus is the work on one part of the document. The manager owns every field but progress, which the worker pod
// of the recorded UID owns.
type WorkerStatus struct {
	// Number of the part, from 0.
	// +kubebuilder:validation:Minimum=0
	// +required
	Part int32 `json:"part"`

	// Number of the current attempt, from 1. It is recorded before the attempt's pod is made.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Attempt int32 `json:"attempt,omitempty"`

	// Name of the attempt's pod; empty while the part shall have none because it, or its whole job, waits for its turn.
	// +optional
	PodName string `json:"podName,omitempty"`

	// UID of the attempt's pod. Only that pod may report progress and read the document.
	// +optional
	PodUID types.UID `json:"podUID,omitempty"`

	// Failures that count against the backoff limit.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Failures int32 `json:"failures,omitempty"`

	// Disruptions in a row before which no page was finished. They only make the next attempt wait.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Disruptions int32 `json:"disruptions,omitempty"`

	// Pages that were done when the last attempt ended.
	// +kubebuilder:validation:Minimum=0
	// +optional
	DoneBefore int32 `json:"doneBefore,omitempty"`

	// Time before which the next attempt does not start.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`

	// What became of the part's pages, as the worker last reported it. The total is that of the whole job.
	// +optional
	Progress *PageCounts `json:"progress,omitempty"`
}

// ResultReference says where the pages of an ended job are.
type ResultReference struct {
	// Pages that can be read.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Pages int32 `json:"pages,omitempty"`

	// Prefix of the pages in the blob store.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Prefix string `json:"prefix,omitempty"`
}

// OcrJob is one document on its way to text.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ocr,categories=khocr
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 50 && !self.metadata.name.contains('.')",message="the name of an OcrJob has at most 50 characters and no dot: its pods are named after it"
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progress`
// +kubebuilder:printcolumn:name="Pages",type=integer,JSONPath=`.status.pages.total`
// +kubebuilder:printcolumn:name="Priority",type=string,JSONPath=`.status.priority`
// +kubebuilder:printcolumn:name="Model",type=string,JSONPath=`.status.model`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Started")].reason`,priority=1
// +kubebuilder:printcolumn:name="Worker",type=string,JSONPath=`.status.workers[0].podName`,priority=1
// +kubebuilder:printcolumn:name="Elapsed",type=string,JSONPath=`.status.elapsed`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type OcrJob struct {
	metav1.TypeMeta `json:",inline"`

	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// What was asked for.
	// +required
	Spec OcrJobSpec `json:"spec,omitzero"`

	// Where the job stands.
	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status OcrJobStatus `json:"status,omitzero"`
}

// OcrJobList is a list of OcrJobs.
//
// +kubebuilder:object:root=true
type OcrJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []OcrJob `json:"items"`
}

// Accepted is when the job was accepted: the creation of its OcrJob, or of the one that this one was restored from.
func (j *OcrJob) Accepted() metav1.Time {
	if j.Status.AcceptedAt != nil {
		return *j.Status.AcceptedAt
	}
	return j.CreationTimestamp
}

// EffectiveMode is the mode that was asked for, or auto.
func (s *OcrJobSpec) EffectiveMode() OcrMode {
	if s.OcrMode == "" {
		return ModeAuto
	}
	return s.OcrMode
}

// EffectiveCorrection is the correction that was asked for, or auto.
func (s *OcrJobSpec) EffectiveCorrection() Correction {
	if s.Correct == "" {
		return CorrectAuto
	}
	return s.Correct
}

// FallsBack tells whether pages that an AI model does not read are read by the recogniser.
func (s *OcrJobSpec) FallsBack() bool { return s.Fallback != FallbackNone }

// EffectivePriority is the priority that was asked for, or normal.
func (s *OcrJobSpec) EffectivePriority() Priority {
	if s.Priority == "" {
		return PriorityNormal
	}
	return s.Priority
}

// EffectiveFormat is the format that was asked for, or json.
func (s *OcrJobSpec) EffectiveFormat() OutputFormat {
	if s.OutputFormat == "" {
		return FormatJSON
	}
	return s.OutputFormat
}

// Percent is the share of pages that are done, from 0 to 100; 0 for a document whose pages were not counted yet.
func (c PageCounts) Percent() float64 {
	if c.Total <= 0 {
		return 0
	}
	return min(100, 100*float64(c.Done)/float64(c.Total))
}

// Worker finds the entry of a part, or nil.
func (s *OcrJobStatus) Worker(part int32) *WorkerStatus {
	for i := range s.Workers {
		if s.Workers[i].Part == part {
			return &s.Workers[i]
		}
	}
	return nil
}
