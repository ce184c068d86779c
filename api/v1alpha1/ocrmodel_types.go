package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ModelEngine is the program that a model runs in.
// +kubebuilder:validation:Enum=tesseract;openai
type ModelEngine string

const (
	// EngineTesseract runs the model in the worker pod.
	EngineTesseract ModelEngine = "tesseract"
	// EngineOpenAI asks an endpoint that speaks the chat completions of OpenAI's API, with images: vLLM, Ollama, a hosted API.
	EngineOpenAI ModelEngine = "openai"
)

// OcrModelSpec says what a recogniser is and where it runs.
//
// +kubebuilder:validation:XValidation:rule="self.engine != 'tesseract' || has(self.tesseract)",message="engine tesseract needs the field tesseract"
// +kubebuilder:validation:XValidation:rule="self.engine != 'openai' || has(self.openai)",message="engine openai needs the field openai"
// +kubebuilder:validation:XValidation:rule="self.engine == 'tesseract' || !has(self.default) || !self.default",message="only a model of the engine tesseract can be the default one"
type OcrModelSpec struct {
	// Name of the model for people.
	// +required
	DisplayName LocalizedText `json:"displayName,omitzero"`

	// Engine that runs the model.
	// +required
	Engine ModelEngine `json:"engine,omitempty"`

	// Settings of the engine tesseract.
	// +optional
	Tesseract *TesseractModel `json:"tesseract,omitempty"`

	// Settings of the engine openai.
	// +optional
	OpenAI *OpenAIModel `json:"openai,omitempty"`

	// Languages that the model reads, as BCP 47 tags.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=35
	// +listType=set
	// +required
	Languages []string `json:"languages,omitempty"`

	// Default is true for the one model that recognises documents which name none.
	// +optional
	Default *bool `json:"default,omitempty"`
}

// TesseractModel selects trained data of the worker image.
type TesseractModel struct {
	// Trained data in Tesseract's notation, for example khm+eng or script/Khmer.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_/]+(\+[A-Za-z0-9_/]+)*$`
	// +kubebuilder:validation:MaxLength=100
	// +required
	TrainedData string `json:"trainedData,omitempty"`
}

// OpenAIModel says where a vision language model is, how it is asked, what it costs and who may use it. Pages that it cannot read, or
// reads unbelievably, are read by the default model of the engine tesseract.
//
// +kubebuilder:validation:XValidation:rule="self.location == 'InCluster' || self.baseURL.startsWith('https://')",message="an endpoint outside of the cluster needs https"
type OpenAIModel struct {
	// Address under which the endpoint has chat/completions and models, for example http://vllm.models.svc:8000/v1.
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="baseURL must be an absolute http or https address"
	// +kubebuilder:validation:XValidation:rule="!self.contains('@') && !self.contains('?') && !self.contains('#')",message="baseURL must have no credentials, query or fragment"
	// +required
	BaseURL string `json:"baseURL,omitempty"`

	// Name of the model at the endpoint.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +required
	Model string `json:"model,omitempty"`

	// Whether pages stay in the cluster. Where they do not, an organization has to allow it.
	// +required
	Location ModelLocation `json:"location,omitempty"`

	// Key in the Secret khocr-model-keys of the platform's namespace under which the endpoint's API key is. None is sent where it
	// is missing.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$`
	// +kubebuilder:validation:MaxLength=253
	// +optional
	APIKeyName string `json:"apiKeyName,omitempty"`

	// What the model is told to do with a page; to write down its text and nothing else where it is missing.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4000
	// +optional
	Prompt string `json:"prompt,omitempty"`

	// How the model sees a page.
	// +optional
	Image *ModelImage `json:"image,omitempty"`

	// Seconds that the model may take for one question, tries included; 120 where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=600
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`

	// How often a question is asked again when the endpoint fails, within its time; 2 where it is missing.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	// +optional
	Retries *int32 `json:"retries,omitempty"`

	// Tokens that an answer has at the most; 8192 where it is missing.
	// +kubebuilder:validation:Minimum=64
	// +kubebuilder:validation:Maximum=131072
	// +optional
	MaxOutputTokens *int32 `json:"maxOutputTokens,omitempty"`

	// Questions that the endpoint is asked at the same time; 4 where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Concurrency *int32 `json:"concurrency,omitempty"`

	// Tokens, of questions and answers, that the endpoint is asked for in a minute. No limit where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	// +optional
	TokensPerMinute *int64 `json:"tokensPerMinute,omitempty"`

	// What the model costs; nothing where it is missing.
	// +optional
	Price *ModelPrice `json:"price,omitempty"`

	// Plans whose organizations may use the model.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +listType=map
	// +listMapKey=name
	// +required
	Plans []ModelPlan `json:"plans,omitempty"`
}

// ModelLocation says where an endpoint is.
// +kubebuilder:validation:Enum=InCluster;External
type ModelLocation string

const (
	// LocationInCluster: pages stay in the cluster, or in networks of the operator's own that the relay is told to trust.
	LocationInCluster ModelLocation = "InCluster"
	// LocationExternal: pages leave the cluster.
	LocationExternal ModelLocation = "External"
)

// ModelImage is how a model sees a page.
type ModelImage struct {
	// Pixels of the longer side at the most; 2048 where it is missing.
	// +kubebuilder:validation:Minimum=256
	// +kubebuilder:validation:Maximum=4096
	// +optional
	MaxSide *int32 `json:"maxSide,omitempty"`

	// Format of the image; jpeg where it is missing.
	// +kubebuilder:validation:Enum=jpeg;png
	// +optional
	Format string `json:"format,omitempty"`
}

// ModelPrice is what a model costs, in the platform's currency. Every answer costs, whether or not it is used.
type ModelPrice struct {
	// Price of each page that the model answered for.
	// +optional
	PerPage Price `json:"perPage,omitempty"`

	// Price of a million tokens of questions.
	// +optional
	PerMillionInputTokens Price `json:"perMillionInputTokens,omitempty"`

	// Price of a million tokens of answers.
	// +optional
	PerMillionOutputTokens Price `json:"perMillionOutputTokens,omitempty"`
}

// Price is an amount of the platform's currency, such as 0.15.
// +kubebuilder:validation:Pattern=`^[0-9]{1,9}(\.[0-9]{1,6})?$`
// +kubebuilder:validation:MaxLength=16
type Price string

// ModelPlan lets the organizations of a plan use a model.
type ModelPlan struct {
	// Name of the Plan.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`

	// Pages of the month that each page counts as whose text is the model's; 1 where it is missing.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	PagesPerPage *int32 `json:"pagesPerPage,omitempty"`
}

// OcrModelStatus says whether the model can be used.
type OcrModelStatus struct {
	// Conditions: Ready, DefaultConflict, Reconciling, Stalled; and Reachable, which the relay writes of models of the engine openai.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Time when the relay last looked at the endpoint and noted it, which it does every few minutes and when something changes.
	// +optional
	ProbedAt *metav1.Time `json:"probedAt,omitempty"`

	// Generation of the spec that the status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// OcrModel is a recogniser that documents can be read with.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=khocr
// +kubebuilder:printcolumn:name="Engine",type=string,JSONPath=`.spec.engine`
// +kubebuilder:printcolumn:name="Default",type=boolean,JSONPath=`.spec.default`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Location",type=string,JSONPath=`.spec.openai.location`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type OcrModel struct {
	metav1.TypeMeta `json:",inline"`

	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// The recogniser.
	// +required
	Spec OcrModelSpec `json:"spec,omitzero"`

	// Whether it can be used.
	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status OcrModelStatus `json:"status,omitzero"`
}

// OcrModelList is a list of OcrModels.
//
// +kubebuilder:object:root=true
type OcrModelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []OcrModel `json:"items"`
}

// IsDefault tells whether the model claims to be the default one. The oldest of several is.
func (m *OcrModel) IsDefault() bool {
	return m.Spec.Default != nil && *m.Spec.Default
}
