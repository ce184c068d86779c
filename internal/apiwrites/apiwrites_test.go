package apiwrites

import (
	"net/http"
	"testing"
)

func TestWrite(t *testing.T) {
	for request, want := range map[[2]string]string{
		{http.MethodPost, "/api/v1/namespaces/khocr-moj/pods"}:                                             "create pods",
		{http.MethodDelete, "/api/v1/namespaces/khocr-moj/pods/a-0-1"}:                                     "delete pods",
		{http.MethodPost, "/api/v1/namespaces"}:                                                            "create namespaces",
		{http.MethodPatch, "/api/v1/namespaces/khocr-moj"}:                                                 "patch namespaces",
		{http.MethodPut, "/api/v1/namespaces/khocr-moj/finalize"}:                                          "update namespaces/finalize",
		{http.MethodPatch, "/apis/ocr.openplp.com/v1alpha1/namespaces/khocr-moj/ocrjobs/a/status"}:         "patch ocrjobs/status",
		{http.MethodPut, "/apis/ocr.openplp.com/v1alpha1/organizations/moj/status"}:                        "update organizations/status",
		{http.MethodPost, "/apis/ocr.openplp.com/v1alpha1/namespaces/khocr-moj/ocrjobs"}:                   "create ocrjobs",
		{http.MethodPost, "/apis/authentication.k8s.io/v1/tokenreviews"}:                                   "create tokenreviews",
		{http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/khocr-system/leases/khocr-manager"}:      "update leases",
		{http.MethodPatch, "/apis/rbac.authorization.k8s.io/v1/namespaces/khocr-moj/rolebindings/khocr-a"}: "patch rolebindings",
		{http.MethodGet, "/api/v1/namespaces/khocr-moj/pods"}:                                              "",
		{http.MethodPost, "/healthz"}:                                                                      "",
		{http.MethodPost, "/api/v1"}:                                                                       "",
		{http.MethodPost, "/"}:                                                                             "",
	} {
		verb, resource, ok := write(request[0], request[1])
		got := verb + " " + resource
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%s %s is %q, want %q", request[0], request[1], got, want)
		}
	}
}
