package ratelimit

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var redisAway = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "khocr_rate_limit_redis_away",
	Help: "1 while the gateway holds to its own share of the rate limits because Redis is away, 0 otherwise, and where there is no Redis.",
})

func init() { metrics.Registry.MustRegister(redisAway) }
