package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ModelEngine is the program that a model runs in.
// +kubebuilder:validation:Enum=tesseract
type ModelEngine string

// EngineTesseract runs the model in the worker pod.
const EngineTesseract ModelEngine = "tesseract"

// OcrModelSpec says what a recogniser is and where it runs.
//
// +kubebuilder:validation:XValidation:rule="self.engine != 'tesseract' || has(self.tesseract)",message="engine tesseract needs the field tesseract"
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

// OcrModelStatus says whether the model can be used.
type OcrModelStatus struct {
	// Conditions: Ready, DefaultConflict, Reconciling, Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

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
