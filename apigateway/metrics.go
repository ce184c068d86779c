package apigateway

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	uploads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_uploads_total",
		Help: "Documents that came in whole, by media type.",
	}, []string{"media_type"})
	uploadBytes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_upload_bytes_total",
		Help: "Bytes of the documents that came in whole, by media type.",
	}, []string{"media_type"})
)

func init() { metrics.Registry.MustRegister(uploads, uploadBytes) }

// count counts a document that was stored. The media type is one of the few that are taken.
func (u *upload) count() {
	uploads.WithLabelValues(u.mediaType).Inc()
	uploadBytes.WithLabelValues(u.mediaType).Add(float64(u.size))
}
