// Package metricsauth lets those read metrics whom the API server lets: who asks is found out by a TokenReview, whether
// they may by a SubjectAccessReview of the path.
//
// controller-runtime's own filter does the same by linking the API server's library, with CEL, gRPC and OpenTelemetry,
// into a program that needs two requests of it. A scrape every few seconds needs no cache of their answers.
package metricsauth

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Filter refuses requests without a bearer token that the API server takes with 401, those of others who may not get the
// path with 403, and all of them with 503 while the API server cannot be asked.
func Filter(config *rest.Config, httpClient *http.Client) (metricsserver.Filter, error) {
	api, err := kubernetes.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for reviews: %w", err)
	}
	return func(log logr.Logger, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			status, err := review(request, api)
			if err != nil {
				log.Error(err, "Reviewing a request for metrics failed")
			}
			if status != http.StatusOK {
				http.Error(w, http.StatusText(status), status)
				return
			}
			next.ServeHTTP(w, request)
		}), nil
	}, nil
}

func review(request *http.Request, api kubernetes.Interface) (status int, err error) {
	token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return http.StatusUnauthorized, nil
	}
	authentication, err := api.AuthenticationV1().TokenReviews().Create(request.Context(),
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return http.StatusServiceUnavailable, fmt.Errorf("reviewing the token: %w", err)
	}
	if !authentication.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	user := authentication.Status.User
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, value := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(value)
	}
	authorization, err := api.AuthorizationV1().SubjectAccessReviews().Create(request.Context(),
		&authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, Groups: user.Groups, UID: user.UID, Extra: extra,
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{
				Path: request.URL.Path, Verb: strings.ToLower(request.Method),
			},
		}}, metav1.CreateOptions{})
	if err != nil {
		return http.StatusServiceUnavailable, fmt.Errorf("reviewing the access: %w", err)
	}
	if !authorization.Status.Allowed {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}
