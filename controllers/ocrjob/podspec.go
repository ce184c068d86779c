package ocrjob

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	workerContainer = "worker"
	// nonRoot is the user and group of the images.
	nonRoot = 65532
	// tokenSeconds is how long a worker's tokens are good for: no less can be had. The kubelet renews them in place before that;
	// a node whose kubelet is away for longer loses its pods, too.
	tokenSeconds = 600
	// stopSeconds is how long a worker that is told to end may finish what it has in hand.
	stopSeconds = 5
	// apiTokenDir is where client libraries look for the API server's token.
	apiTokenDir     = "/var/run/secrets/kubernetes.io/serviceaccount"
	gatewayTokenDir = "/var/run/secrets/khocr"
	// furtherClass ends the names of the priority classes of further parts, each of which is just below that of its jobs.
	furtherClass = "-part"
)

// Bounds of the folder that takes the document's copy: the document, or the largest that a plan can allow where its size
// is not known, and room for what the engine keeps beside it.
const (
	largestDocument = 10 << 30
	engineRoom      = 768 << 20
)

// Endpoint is where a worker finds the gateway's internal port.
type Endpoint struct {
	// URL by address: workers need no DNS.
	URL string
	// ServerName is the name in the port's certificate.
	ServerName string
	// CA holds the PEM certificates that it is signed by. They are public.
	CA string
}

// WorkerTemplate is what all worker pods have in common.
type WorkerTemplate struct {
	Image     string
	Resources corev1.ResourceRequirements
	// StoreInReach tells workers that they may reach the store.
	StoreInReach bool
}

// workerPod builds the pod of an attempt. Its spec holds no secret: the tokens in it are the kubelet's to make.
func workerPod(job *v1alpha1.OcrJob, organization string, attempt NewPod, template WorkerTemplate, gateway Endpoint) *corev1.Pod {
	priorityClass := "khocr-" + string(job.Spec.EffectivePriority())
	if attempt.GivesWay {
		priorityClass += furtherClass
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace,
			Name:      attempt.PodName(job.Name),
			Labels: map[string]string{
				"app.kubernetes.io/name":       "khocr",
				"app.kubernetes.io/component":  "worker",
				"app.kubernetes.io/managed-by": "khocr-manager",
				v1alpha1.LabelOrganization:     organization,
				v1alpha1.LabelJob:              job.Name,
				v1alpha1.LabelPart:             strconv.Itoa(int(attempt.Part)),
				v1alpha1.LabelAttempt:          strconv.Itoa(int(attempt.Number)),
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind("OcrJob"))},
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			PriorityClassName:             priorityClass,
			ServiceAccountName:            workerport.ServiceAccount,
			AutomountServiceAccountToken:  new(false),
			EnableServiceLinks:            new(false),
			TerminationGracePeriodSeconds: new(int64(stopSeconds)),
			DNSPolicy:                     corev1.DNSDefault,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   new(true),
				RunAsUser:      new(int64(nonRoot)),
				RunAsGroup:     new(int64(nonRoot)),
				FSGroup:        new(int64(nonRoot)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:            workerContainer,
				Image:           template.Image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Resources:       template.Resources,
				Env:             workerEnv(organization, template, gateway),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false),
					ReadOnlyRootFilesystem:   new(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "work", MountPath: workerport.WorkDir},
					{Name: "gateway-token", MountPath: gatewayTokenDir, ReadOnly: true},
					{Name: "api-token", MountPath: apiTokenDir, ReadOnly: true},
				},
				TerminationMessagePath:   workerport.TerminationFile,
				TerminationMessagePolicy: corev1.TerminationMessageReadFile,
			}},
			Volumes: []corev1.Volume{
				{Name: "work", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: workDirSize(job)}}},
				projected("gateway-token", token(workerport.Audience)),
				projected("api-token", token(""),
					corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
						LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
						Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
					}}),
			},
		},
	}
}

func workDirSize(job *v1alpha1.OcrJob) *resource.Quantity {
	size := int64(largestDocument)
	if upload := job.Spec.Source.Upload; upload != nil && upload.Size > 0 {
		size = upload.Size
	}
	// The document, its searchable PDF and what that is made from.
	return resource.NewQuantity(3*size+engineRoom, resource.BinarySI)
}

func workerEnv(organization string, template WorkerTemplate, gateway Endpoint) []corev1.EnvVar {
	env := []corev1.EnvVar{
		{Name: workerport.EnvGatewayURL, Value: gateway.URL},
		{Name: workerport.EnvGatewayName, Value: gateway.ServerName},
		{Name: workerport.EnvGatewayCA, Value: gateway.CA},
		{Name: workerport.EnvOrganization, Value: organization},
		{Name: workerport.EnvPodName, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		{Name: workerport.EnvCPULimit, ValueFrom: limit("limits.cpu")},
		{Name: workerport.EnvMemoryLimit, ValueFrom: limit("limits.memory")},
		{Name: "TMPDIR", Value: workerport.WorkDir},
	}
	if template.StoreInReach {
		env = append(env, corev1.EnvVar{Name: workerport.EnvStoreInReach, Value: "true"})
	}
	return env
}

func limit(name string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: workerContainer, Resource: name}}
}

// token is a token bound to the pod; the API server's own audience where none is given.
func token(audience string) corev1.VolumeProjection {
	return corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
		Audience:          audience,
		ExpirationSeconds: new(int64(tokenSeconds)),
		Path:              "token",
	}}
}

func projected(name string, sources ...corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}}
}
