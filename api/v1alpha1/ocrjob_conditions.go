package v1alpha1

// Conditions of an OcrJob. Each carries the generation that it was computed from.
const (
	// ConditionQuotaReserved is true once the document's pages are set aside in the organization's month, false with the
	// reason PageQuotaExceeded when they do not fit.
	ConditionQuotaReserved = "QuotaReserved"
	// ConditionStarted is true once a worker pod has a node; false with a reason says what a waiting job waits for.
	ConditionStarted = "Started"
	// ConditionComplete is true once every page has a result; false with the reason Cancelled on a cancelled job.
	ConditionComplete = "Complete"
	// ConditionFailed is true on a job that ended without a result; its reason is one of the Reason constants.
	ConditionFailed = "Failed"
)

// Reasons of a job's conditions and events. Those of ConditionFailed are the machine codes that API users see, in the
// spelling of Kubernetes.
const (
	// Why a job waits.
	ReasonNoOrganization        = "NoOrganization"
	ReasonOrganizationSuspended = "OrganizationSuspended"
	ReasonSuspended             = "Suspended"
	ReasonModelNotFound         = "ModelNotFound"
	ReasonModelNotReady         = "ModelNotReady"
	ReasonPlanNotFound          = "PlanNotFound"
	ReasonWaitingForSlot        = "WaitingForSlot"
	ReasonWaitingForCapacity    = "WaitingForCapacity"

	// What happened on the way.
	ReasonAdmitted      = "Admitted"
	ReasonWorkerStarted = "WorkerStarted"
	ReasonWorkerCreated = "WorkerCreated"
	ReasonWorkerLost    = "WorkerLost"
	ReasonWorkerCrashed = "WorkerCrashed"
	ReasonPagesReserved = "PagesReserved"
	ReasonDocumentCut   = "DocumentCut"
	ReasonCompleted     = "Completed"
	ReasonCancelled     = "Cancelled"
	ReasonPodNotCreated = "PodNotCreated"

	// Why a job failed.
	ReasonPageQuotaExceeded       = "PageQuotaExceeded"
	ReasonModelNotAllowed         = "ModelNotAllowed"
	ReasonExternalModelNotAllowed = "ExternalModelNotAllowed"
	ReasonPriorityNotAllowed      = "PriorityNotAllowed"
	ReasonDeadlineExceeded        = "DeadlineExceeded"
	ReasonBackoffLimit            = "BackoffLimitExceeded"
	ReasonPasswordProtected       = "PasswordProtected"
	ReasonInvalidDocument         = "InvalidDocument"
	ReasonEmptyDocument           = "EmptyDocument"
	ReasonTooManyPages            = "TooManyPages"
	ReasonPagesOutOfRange         = "PagesOutOfRange"
	ReasonSourceUnavailable       = "SourceUnavailable"
	ReasonSourceRefused           = "SourceRefused"
	ReasonSourceTooLarge          = "SourceTooLarge"
	ReasonUnsupportedDocument     = "UnsupportedDocument"
	ReasonAllPagesFailed          = "AllPagesFailed"
)

// IsDocumentReason tells whether the reason of a failure is one that a worker may give: that of a document which no
// attempt can process.
func IsDocumentReason(reason string) bool {
	switch reason {
	case ReasonPasswordProtected, ReasonInvalidDocument, ReasonEmptyDocument, ReasonTooManyPages, ReasonPagesOutOfRange,
		ReasonSourceUnavailable, ReasonSourceRefused, ReasonSourceTooLarge, ReasonUnsupportedDocument:
		return true
	}
	return false
}
