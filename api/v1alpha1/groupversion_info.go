// Package v1alpha1 holds the custom resources of khocr, group ocr.openplp.com: Plan, Organization and OcrModel, which a
// Git repository governs, and OcrJob, one document on its way through recognition.
//
// Nothing in these types is a secret, and nothing grows with the content of a document: pages and results live in the
// blob store, and only counters and references to them are kept here.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package=applyconfiguration
// +groupName=ocr.openplp.com
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of every type in this package.
	GroupVersion = schema.GroupVersion{Group: "ocr.openplp.com", Version: "v1alpha1"}

	// SchemeGroupVersion is GroupVersion under the name that generated code uses.
	SchemeGroupVersion = GroupVersion

	// SchemeBuilder collects the functions that add this package's types to a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds this package's types to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Plan{}, &PlanList{},
		&Organization{}, &OrganizationList{},
		&OcrModel{}, &OcrModelList{},
		&OcrJob{}, &OcrJobList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
