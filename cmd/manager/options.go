package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/organization"
)

// options are the manager's flags.
type options struct {
	workerImage     string
	workerResources corev1.ResourceRequirements
	partition       v1alpha1.Partition
	gateway         types.NamespacedName
	namespace       string
	metricsAddress  string
	healthAddress   string
	leaderElect     bool
	store           []organization.Peer
}

// parseOptions reads the command line, and ends the program where it is wrong.
func parseOptions() options {
	o := options{
		gateway: types.NamespacedName{Namespace: "khocr-system", Name: "khocr-gateway-internal"},
		workerResources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("2Gi")},
		},
		// A worker is at its first page after some two seconds and takes a minute or two for so many, so that starting costs
		// little of them; eight request as much CPU as a node of four cores has.
		partition: v1alpha1.Partition{PagesPerWorker: 200, MaxWorkers: 8},
	}
	flag.StringVar(&o.workerImage, "worker-image", "", "container image of the workers (required)")
	flag.StringVar(&o.namespace, "namespace", "khocr-system", "namespace of the manager's lease and of the internal port's certificates")
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "address of the metrics, served over TLS to those whom the API server lets; 0 for none")
	flag.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 for none")
	flag.BoolVar(&o.leaderElect, "leader-elect", false, "reconcile only while holding the lease, so that several managers may run")
	flag.Func("gateway-service", "namespace/name of the internal port's Service (default "+o.gateway.String()+")", func(text string) error {
		namespace, name, ok := strings.Cut(text, "/")
		if !ok || namespace == "" || name == "" {
			return fmt.Errorf("%q is not of the form namespace/name", text)
		}
		o.gateway = types.NamespacedName{Namespace: namespace, Name: name}
		return nil
	})
	flag.Func("store-address", "addresses, as CIDR or CIDR:PORT, at which workers fetch documents from a store that signs URLs; may be repeated", func(text string) error {
		peer, err := organization.ParsePeer(text)
		if err == nil {
			o.store = append(o.store, peer)
		}
		return err
	})
	quantity := func(name string, list corev1.ResourceList, kind corev1.ResourceName, what string) {
		standard := list[kind]
		flag.Func(name, fmt.Sprintf("%s of a worker (default %s)", what, standard.String()), func(text string) error {
			parsed, err := resource.ParseQuantity(text)
			if err == nil {
				list[kind] = parsed
			}
			return err
		})
	}
	quantity("worker-cpu-request", o.workerResources.Requests, corev1.ResourceCPU, "CPU request")
	quantity("worker-memory-request", o.workerResources.Requests, corev1.ResourceMemory, "memory request")
	quantity("worker-cpu-limit", o.workerResources.Limits, corev1.ResourceCPU, "CPU limit")
	quantity("worker-memory-limit", o.workerResources.Limits, corev1.ResourceMemory, "memory limit")
	count := func(name string, value *int32, most int64, what string) {
		flag.Func(name, fmt.Sprintf("%s (default %d)", what, *value), func(text string) error {
			number, err := strconv.ParseInt(text, 10, 32)
			if err == nil && (number < 1 || number > most) {
				err = fmt.Errorf("must be from 1 to %d", most)
			}
			*value = int32(number)
			return err
		})
	}
	count("pages-per-worker", &o.partition.PagesPerWorker, math.MaxInt32, "pages of a document that one worker reads; one with more is cut into parts")
	count("max-workers-per-job", &o.partition.MaxWorkers, 1000, "workers that read one document together")
	flag.Parse()
	if o.workerImage == "" {
		fmt.Fprintln(flag.CommandLine.Output(), "the flag --worker-image is missing")
		flag.Usage()
		os.Exit(2)
	}
	return o
}
