package jobview

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Reason says, in machine and in people's words, why a job failed or what it waits for. What the cluster says of it
// stays inside.
type Reason struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
}

// Failures lists why jobs fail, by the reason of the OcrJob's condition Failed.
func Failures() map[string]Reason {
	return map[string]Reason{
		v1alpha1.ReasonPageQuotaExceeded: {"page_quota_exceeded",
			"The document has more pages than the organization has left this month.",
			"ឯកសារនេះមានទំព័រច្រើនជាងចំនួនទំព័រដែលអង្គភាពនៅសល់សម្រាប់ខែនេះ។"},
		v1alpha1.ReasonPriorityNotAllowed: {"priority_not_allowed",
			"The plan does not allow the priority of the job.",
			"គម្រោងសេវារបស់អ្នកមិនអនុញ្ញាតអាទិភាពនៃការងារនេះទេ។"},
		v1alpha1.ReasonModelNotAllowed: {"model_not_allowed",
			"The plan does not have the AI model of the job, or has none at all.",
			"គម្រោងសេវារបស់អ្នកមិនមានម៉ូដែល AI ដែលការងារនេះត្រូវការទេ។"},
		v1alpha1.ReasonExternalModelNotAllowed: {"external_model_not_allowed",
			"The pages would leave the cluster to be read, which the organization has not allowed.",
			"ទំព័រនឹងត្រូវផ្ញើចេញក្រៅប្រព័ន្ធដើម្បីអាន ដែលអង្គភាពរបស់អ្នកមិនបានអនុញ្ញាត។"},
		v1alpha1.ReasonDeadlineExceeded: {"deadline_exceeded",
			"The job did not end within its deadline.",
			"ការងារមិនបានបញ្ចប់ទាន់ពេលកំណត់ទេ។"},
		v1alpha1.ReasonBackoffLimit: {"backoff_limit_exceeded",
			"Processing the document broke off too many times.",
			"ដំណើរការឯកសារបានដាច់កណ្តាលទីច្រើនដងពេក។"},
		v1alpha1.ReasonPasswordProtected: {"password_protected",
			"The document is protected by a password.",
			"ឯកសារនេះត្រូវបានការពារដោយពាក្យសម្ងាត់។"},
		v1alpha1.ReasonInvalidDocument: {"invalid_document",
			"The document is damaged or is not what it claims to be.",
			"ឯកសារនេះខូច ឬមិនអាចអានបាន។"},
		v1alpha1.ReasonEmptyDocument: {"empty_document",
			"The document has no pages.",
			"ឯកសារនេះគ្មានទំព័រទេ។"},
		v1alpha1.ReasonTooManyPages: {"too_many_pages",
			"The document has too many pages.",
			"ឯកសារនេះមានទំព័រច្រើនពេក។"},
		v1alpha1.ReasonPagesOutOfRange: {"pages_out_of_range",
			"The document does not have the pages that were asked for.",
			"ឯកសារនេះមិនមានទំព័រដែលបានស្នើសុំទេ។"},
		v1alpha1.ReasonSourceUnavailable: {"source_unavailable",
			"The document could not be fetched.",
			"មិនអាចទាញយកឯកសារបានទេ។"},
		v1alpha1.ReasonSourceRefused: {"source_refused",
			"The document must not be fetched from this address.",
			"មិនអនុញ្ញាតឱ្យទាញយកឯកសារពីអាសយដ្ឋាននេះទេ។"},
		v1alpha1.ReasonSourceTooLarge: {"source_too_large",
			"The document is larger than the plan allows.",
			"ឯកសារធំជាងទំហំដែលគម្រោងសេវាអនុញ្ញាត។"},
		v1alpha1.ReasonUnsupportedDocument: {"unsupported_document",
			"The document is neither PDF nor PNG, JPEG or TIFF.",
			"ប្រភេទឯកសារនេះមិនត្រូវបានគាំទ្រទេ ត្រូវតែជា PDF, PNG, JPEG ឬ TIFF។"},
		v1alpha1.ReasonAllPagesFailed: {"all_pages_failed",
			"None of the pages could be processed.",
			"គ្មានទំព័រណាមួយអាចដំណើរការបានទេ។"},
	}
}

// Waits lists what queued jobs wait for, by the reason of the OcrJob's condition Started.
func Waits() map[string]Reason {
	return map[string]Reason{
		v1alpha1.ReasonNoOrganization: {"no_organization",
			"The organization of the job is not there yet.",
			"អង្គភាពម្ចាស់ការងារនេះមិនទាន់មាននៅឡើយទេ។"},
		v1alpha1.ReasonOrganizationSuspended: {"organization_suspended",
			"The organization is suspended.",
			"អង្គភាពនេះត្រូវបានផ្អាក។"},
		v1alpha1.ReasonSuspended: {"suspended",
			"The job is suspended.",
			"ការងារនេះត្រូវបានផ្អាក។"},
		v1alpha1.ReasonModelNotFound: {"model_not_found",
			"There is no model to read the document with.",
			"គ្មានម៉ូដែលសម្រាប់អានឯកសារនេះទេ។"},
		v1alpha1.ReasonModelNotReady: {"model_not_ready",
			"The model is not ready.",
			"ម៉ូដែលមិនទាន់រួចរាល់នៅឡើយទេ។"},
		v1alpha1.ReasonPlanNotFound: {"plan_not_found",
			"The plan of the organization is not there.",
			"រកមិនឃើញគម្រោងសេវារបស់អង្គភាពនេះទេ។"},
		v1alpha1.ReasonWaitingForSlot: {"waiting_for_slot",
			"Other jobs of the organization come first, and its plan allows only so many at work at the same time.",
			"ការងារផ្សេងទៀតរបស់អង្គភាពនេះត្រូវដំណើរការមុន ព្រោះគម្រោងសេវាអនុញ្ញាតឱ្យដំណើរការបានតែចំនួនកំណត់ក្នុងពេលតែមួយ។"},
		v1alpha1.ReasonWaitingForCapacity: {"waiting_for_capacity",
			"The job waits for free capacity.",
			"ការងារនេះកំពុងរង់ចាំធនធានទំនេរ។"},
		v1alpha1.ReasonAdmitted: {"admitted",
			"The worker is about to start.",
			"ដំណើរការជិតចាប់ផ្តើមហើយ។"},
	}
}

// Failure says why a failed job failed.
func Failure(status *v1alpha1.OcrJobStatus) *Reason {
	if failed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFailed); failed != nil {
		if known, ok := Failures()[failed.Reason]; ok {
			return &known
		}
	}
	return &Reason{"job_failed", "The job failed.", "ការងារនេះបានបរាជ័យ។"}
}

// waitOf says what a job waits for, where that is known.
func waitOf(status *v1alpha1.OcrJobStatus) *Wait {
	started := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStarted)
	if started == nil || started.Status == metav1.ConditionTrue {
		return nil
	}
	if known, ok := Waits()[started.Reason]; ok {
		return &Wait{Reason: known}
	}
	return nil
}
