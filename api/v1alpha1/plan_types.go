package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PlanSpec are the limits that every organization of the plan is held to.
type PlanSpec struct {
	// Name of the plan for people.
	// +required
	DisplayName LocalizedText `json:"displayName,omitzero"`

	// Limits of the plan.
	// +required
	Limits PlanLimits `json:"limits,omitzero"`

	// Name of the time zone, in the IANA database, in which the plan's months begin. Asia/Phnom_Penh where it is missing.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="!self.contains(':') && timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0",message="timeZone must be the name of a time zone in the IANA database"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// PlanLimits are the numbers of a plan.
type PlanLimits struct {
	// Submissions that an organization may make in a minute, all its keys together, and at once.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +required
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// Pages that an organization may have delivered in a calendar month.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	// +required
	PagesPerMonth *int64 `json:"pagesPerMonth,omitempty"`

	// Size of the largest document that is accepted, in bytes.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10737418240
	// +required
	MaxFileBytes int64 `json:"maxFileBytes,omitempty"`

	// Priorities that a job may ask for.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +required
	Priorities []Priority `json:"priorities,omitempty"`

	// Jobs of an organization that may be at work at the same time; the others wait.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000
	// +required
	MaxConcurrentJobs int32 `json:"maxConcurrentJobs,omitempty"`

	// Seconds for which the OcrJob of a document that came by the public API is kept once it has ended.
	// +kubebuilder:validation:Minimum=60
	// +required
	JobTTLSeconds int32 `json:"jobTTLSeconds,omitempty"`

	// Seconds for which a result can be downloaded once the job has ended.
	// +kubebuilder:validation:Minimum=60
	// +required
	ResultRetentionSeconds int32 `json:"resultRetentionSeconds,omitempty"`
}

// Plan is a set of limits that organizations subscribe to.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=khocr
// +kubebuilder:printcolumn:name="Requests/Min",type=integer,JSONPath=`.spec.limits.requestsPerMinute`
// +kubebuilder:printcolumn:name="Pages/Month",type=integer,JSONPath=`.spec.limits.pagesPerMonth`
// +kubebuilder:printcolumn:name="Jobs",type=integer,JSONPath=`.spec.limits.maxConcurrentJobs`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Plan struct {
	metav1.TypeMeta `json:",inline"`

	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// Limits of the plan.
	// +required
	Spec PlanSpec `json:"spec,omitzero"`
}

// PlanList is a list of Plans.
//
// +kubebuilder:object:root=true
type PlanList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Plan `json:"items"`
}

// DefaultTimeZone is where months begin unless a plan says otherwise.
const DefaultTimeZone = "Asia/Phnom_Penh"
