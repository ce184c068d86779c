package apigateway

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/internal/mediatype"
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

func init() {
	metrics.Registry.MustRegister(uploads, uploadBytes)
	// The first of a kind is a rise from nothing, which no query would see.
	for _, mediaType := range []string{mediatype.PDF, mediatype.PNG, mediatype.JPEG, mediatype.TIFF} {
		uploads.WithLabelValues(mediaType)
		uploadBytes.WithLabelValues(mediaType)
	}
}

// count counts a document that was stored. The media type is one of the few that are taken.
func (u *upload) count() {
	uploads.WithLabelValues(u.mediaType).Inc()
	uploadBytes.WithLabelValues(u.mediaType).Add(float64(u.size))
}
