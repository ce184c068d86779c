package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// OrganizationSpec is what a Git repository says of an organization.
//
// +kubebuilder:validation:XValidation:rule="has(self.__namespace__) == has(oldSelf.__namespace__)",message="the namespace of an organization cannot change"
type OrganizationSpec struct {
	// Name of the Plan that the organization subscribes to.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	PlanRef string `json:"planRef,omitempty"`

	// Name of the organization for people.
	// +required
	DisplayName LocalizedText `json:"displayName,omitzero"`

	// Namespace of the organization's jobs, khocr-<name> where it is missing. The platform makes it and owns it. It cannot
	// be changed.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the namespace of an organization cannot change"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('kube-') && self != 'default'",message="a namespace of Kubernetes cannot be an organization's"
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Keys that the organization's programs present.
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:XValidation:rule="self.all(k, self.exists_one(other, other.sha256 == k.sha256))",message="two keys of an organization have the same sha256"
	// +listType=map
	// +listMapKey=name
	// +optional
	APIKeys []APIKey `json:"apiKeys,omitempty"`

	// Secrets that sign what the platform posts to the callbacks of the organization's jobs.
	// +kubebuilder:validation:MaxItems=10
	// +listType=map
	// +listMapKey=name
	// +optional
	WebhookSecrets []WebhookSecret `json:"webhookSecrets,omitempty"`

	// Suspended organizations cannot submit documents, and their waiting ones stay waiting.
	// +optional
	Suspended *bool `json:"suspended,omitempty"`

	// Limits that differ from the plan's.
	// +optional
	Overrides *LimitOverrides `json:"overrides,omitempty"`

	// What the organization allows AI models to do.
	// +optional
	AI *AISettings `json:"ai,omitempty"`

	// People of the organization, and what they may do in its namespace with kubectl. The platform binds them to its own
	// roles there; a role that reaches further must not be bound in that namespace.
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +optional
	Members []Member `json:"members,omitempty"`
}

// AISettings are what an organization allows AI models to do.
type AISettings struct {
	// Whether pages may leave the cluster, for models that are elsewhere.
	// +optional
	AllowExternal *bool `json:"allowExternal,omitempty"`

	// What AI models may cost in a calendar month, in the platform's currency. From then on pages are read without them. No limit
	// where it is missing.
	// +optional
	MonthlyCostLimit Price `json:"monthlyCostLimit,omitempty"`
}

// WebhookSecret names a Secret in the organization's namespace. The Secret's key "secret" holds what Standard Webhooks calls
// a symmetric secret: whsec_ and 24 to 64 random bytes in base64.
type WebhookSecret struct {
	// Name that jobs refer to.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`

	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	SecretName string `json:"secretName,omitempty"`
}

// Member is a user or group of the cluster that belongs to an organization.
type Member struct {
	// Whether the name is a user's or a group's.
	// +kubebuilder:validation:Enum=User;Group
	// +required
	Kind string `json:"kind,omitempty"`

	// Name of the user or group, as the cluster's authentication gives it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('system:')",message="users and groups of Kubernetes itself cannot be members"
	// +required
	Name string `json:"name,omitempty"`

	// What the member may do with the organization's jobs.
	// +required
	Role MemberRole `json:"role,omitempty"`
}

// MemberRole is what a member may do with the jobs of an organization.
// +kubebuilder:validation:Enum=admin;editor;viewer
type MemberRole string

const (
	// RoleViewer reads jobs, and the logs and events that tell what became of them.
	RoleViewer MemberRole = "viewer"
	// RoleEditor also makes, changes and deletes jobs, one by one.
	RoleEditor MemberRole = "editor"
	// RoleAdmin also deletes all of them at once.
	RoleAdmin MemberRole = "admin"
)

// APIKey is one key of an organization. Only its digest is ever written down.
type APIKey struct {
	// Name of the key, for people and for the usage statistics.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`

	// SHA-256 of the whole key, khocr_ included, in lowercase hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="sha256 has 64 lowercase hexadecimal digits, as khocr keys new and khocr keys hash print them"
	// +required
	SHA256 string `json:"sha256,omitempty"`

	// What the key may be used for: convert to submit documents, read to read jobs and results, admin for both and all that
	// is to come. Both convert and read where it is missing.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	// +optional
	Scopes []Scope `json:"scopes,omitempty"`

	// Moment from which the key is refused.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// Scope is a right of an API key.
// +kubebuilder:validation:Enum=convert;read;admin
type Scope string

const (
	// ScopeConvert allows submitting documents.
	ScopeConvert Scope = "convert"
	// ScopeRead allows reading jobs and results.
	ScopeRead Scope = "read"
	// ScopeAdmin allows everything.
	ScopeAdmin Scope = "admin"
)

// LimitOverrides replace single limits of the plan for one organization.
type LimitOverrides struct {
	// Replaces the plan's requestsPerMinute.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	RequestsPerMinute *int32 `json:"requestsPerMinute,omitempty"`

	// Replaces the plan's pagesPerMonth.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	// +optional
	PagesPerMonth *int64 `json:"pagesPerMonth,omitempty"`

	// Replaces the plan's maxFileBytes.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10737418240
	// +optional
	MaxFileBytes *int64 `json:"maxFileBytes,omitempty"`

	// Replaces the plan's maxConcurrentJobs.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000
	// +optional
	MaxConcurrentJobs *int32 `json:"maxConcurrentJobs,omitempty"`
}

// OrganizationStatus is the organization's ledger and whether it can be used. The manager alone writes it.
type OrganizationStatus struct {
	// Namespace of the organization's jobs.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Usage of this month, of the one before, and of older ones that jobs at work are charged to.
	// +listType=map
	// +listMapKey=month
	// +optional
	Usage []MonthUsage `json:"usage,omitempty"`

	// Ledger entries of the jobs at work.
	// +listType=map
	// +listMapKey=uid
	// +optional
	Ledger []LedgerEntry `json:"ledger,omitempty"`

	// Usage of the current month as people read it, used/limit, for example 37/100.
	// +optional
	Pages string `json:"pages,omitempty"`

	// Number of jobs whose pages are reserved: those that are being recognised. It is written when it is 0, too, so that
	// tables show it.
	// +optional
	Running int32 `json:"running"`

	// Conditions: Ready, KeyConflict, Reconciling, Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Generation of the spec that the status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// MonthUsage is what an organization had delivered in a month.
type MonthUsage struct {
	// Month in the plan's time zone, as 2006-01.
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}$`
	// +required
	Month string `json:"month,omitempty"`

	// Pages of ended jobs, charged for good.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Settled int64 `json:"settled,omitempty"`

	// Pages that jobs at work may still use.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Reserved int64 `json:"reserved,omitempty"`

	// Settled pages by the day of their reservation, days without pages left out, in order.
	// +kubebuilder:validation:MaxItems=31
	// +listType=atomic
	// +optional
	Days []DayUsage `json:"days,omitempty"`

	// Settled pages by the API key that their job came with, by name.
	// +listType=atomic
	// +optional
	Keys []KeyUsage `json:"keys,omitempty"`
}

// DayUsage is what an organization had delivered on a day of a month.
type DayUsage struct {
	// Day of the month, from 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31
	// +required
	Day int32 `json:"day,omitempty"`

	// Pages of ended jobs.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Pages int64 `json:"pages,omitempty"`
}

// KeyUsage is what was delivered for an API key in a month.
type KeyUsage struct {
	// Name of the key; empty for jobs that came without one, or with one that the organization does not name.
	// +optional
	Name string `json:"name,omitempty"`

	// Pages of ended jobs.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Pages int64 `json:"pages,omitempty"`
}

// LedgerState is where a job stands in the ledger.
// +kubebuilder:validation:Enum=Reserved;Refused;Settled
type LedgerState string

const (
	// LedgerReserved: the pages are set aside for the job.
	LedgerReserved LedgerState = "Reserved"
	// LedgerRefused: the month has not that many pages left, and the job fails.
	LedgerRefused LedgerState = "Refused"
	// LedgerSettled: the pages that were delivered are in the month's sum.
	LedgerSettled LedgerState = "Settled"
)

// LedgerEntry is one job in the ledger.
type LedgerEntry struct {
	// UID of the OcrJob.
	// +required
	UID types.UID `json:"uid,omitempty"`

	// Name of the OcrJob.
	// +required
	Job string `json:"job,omitempty"`

	// Month that the job is charged to, that of its reservation, as 2006-01.
	// +required
	Month string `json:"month,omitempty"`

	// Day of that month, from 1, on which its pages were reserved.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31
	// +optional
	Day int32 `json:"day,omitempty"`

	// Pages that are reserved, asked for, or settled, by state.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Pages int64 `json:"pages,omitempty"`

	// Where the job stands.
	// +required
	State LedgerState `json:"state,omitempty"`
}

// Organization is a tenant: who may submit documents, and how many.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=ocrorg,categories=khocr
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 57 && !self.metadata.name.contains('.')",message="the name of an organization has at most 57 characters and no dot: its namespace is named after it"
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.spec.planRef`
// +kubebuilder:printcolumn:name="Pages",type=string,JSONPath=`.status.pages`
// +kubebuilder:printcolumn:name="Running",type=integer,JSONPath=`.status.running`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.status.namespace`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Organization struct {
	metav1.TypeMeta `json:",inline"`

	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// The organization.
	// +required
	Spec OrganizationSpec `json:"spec,omitzero"`

	// Its ledger, and whether it can be used.
	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status OrganizationStatus `json:"status,omitzero"`
}

// OrganizationList is a list of Organizations.
//
// +kubebuilder:object:root=true
type OrganizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Organization `json:"items"`
}

// JobNamespace is the name of the namespace in which the organization's jobs live.
func (o *Organization) JobNamespace() string {
	if o.Spec.Namespace != "" {
		return o.Spec.Namespace
	}
	return "khocr-" + o.Name
}

// IsSuspended tells whether the organization may not have documents recognised at present.
func (o *Organization) IsSuspended() bool {
	return o.Spec.Suspended != nil && *o.Spec.Suspended
}

// EffectiveLimits are the plan's limits with the organization's overrides put in.
func (o *Organization) EffectiveLimits(plan *Plan) PlanLimits {
	limits := *plan.Spec.Limits.DeepCopy()
	over := o.Spec.Overrides
	if over == nil {
		return limits
	}
	if over.RequestsPerMinute != nil {
		limits.RequestsPerMinute = *over.RequestsPerMinute
	}
	if over.PagesPerMonth != nil {
		limits.PagesPerMonth = new(*over.PagesPerMonth)
	}
	if over.MaxFileBytes != nil {
		limits.MaxFileBytes = *over.MaxFileBytes
	}
	if over.MaxConcurrentJobs != nil {
		limits.MaxConcurrentJobs = *over.MaxConcurrentJobs
	}
	return limits
}
