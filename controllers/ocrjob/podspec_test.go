package ocrjob

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

// The role of the manager lets it make any pod, so the policy has to refuse whatever is no worker.
func TestTheManagerMakesWorkersOnly(t *testing.T) {
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	const home, elsewhere = "khocr-moj", "khocr-system"
	objects := []client.Object{
		// Pod Security refuses nothing here, so that it is the policy which does.
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home, Labels: map[string]string{v1alpha1.LabelOrganization: "moj"}}},
	}
	for _, namespace := range []string{home, elsewhere} {
		for _, account := range []string{workerport.ServiceAccount, "default"} {
			objects = append(objects, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}})
		}
	}
	for _, class := range []string{"high", "normal", "low", "low" + furtherClass} {
		objects = append(objects, &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "khocr-" + class}})
	}
	for _, object := range objects {
		if err := environment.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}

	limits := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("2Gi")}
	template := WorkerTemplate{Image: "registry.test/khocr/worker:v1", Resources: corev1.ResourceRequirements{Limits: limits, Requests: limits}}
	reaching := template
	reaching.StoreInReach = true
	gateway := Endpoint{URL: "https://10.0.0.1:8443", ServerName: "gateway.test", CA: "-----BEGIN CERTIFICATE-----"}
	worker := func(spec v1alpha1.OcrJobSpec, attempt NewPod, template WorkerTemplate) *corev1.Pod {
		job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: "a-1", UID: "b7e1"}, Spec: spec}
		return workerPod(job, "moj", attempt, template, gateway)
	}
	first := NewPod{Attempt: Attempt{Number: 1}}
	uploaded := v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: "0123456789ab", Size: 1 << 20}}}
	for name, pod := range map[string]*corev1.Pod{
		"of a URL":                   worker(v1alpha1.OcrJobSpec{}, first, template),
		"of an upload":               worker(uploaded, first, template),
		"of high priority":           worker(v1alpha1.OcrJobSpec{Priority: v1alpha1.PriorityHigh}, first, template),
		"of a further part":          worker(v1alpha1.OcrJobSpec{Priority: v1alpha1.PriorityLow}, NewPod{Attempt{Part: 3, Number: 12}, true}, template),
		"that may reach the store":   worker(uploaded, first, reaching),
		"without bounds on its node": worker(uploaded, first, WorkerTemplate{Image: "khocr/worker"}),
	} {
		if err := manager.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Errorf("a worker %s: %v", name, err)
		}
	}

	type edit = func(*corev1.Pod)
	spec := func(change func(*corev1.PodSpec)) edit { return func(pod *corev1.Pod) { change(&pod.Spec) } }
	context := func(change func(*corev1.PodSecurityContext)) edit {
		return func(pod *corev1.Pod) { change(pod.Spec.SecurityContext) }
	}
	container := func(change func(*corev1.Container)) edit {
		return func(pod *corev1.Pod) { change(&pod.Spec.Containers[0]) }
	}
	containerContext := func(change func(*corev1.SecurityContext)) edit {
		return func(pod *corev1.Pod) { change(pod.Spec.Containers[0].SecurityContext) }
	}
	volume := func(source corev1.VolumeSource) edit {
		return func(pod *corev1.Pod) {
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "more", VolumeSource: source})
		}
	}
	projection := func(source corev1.VolumeProjection) edit { return volume(projected("more", source).VolumeSource) }
	variable := func(source corev1.EnvVarSource) edit {
		return container(func(c *corev1.Container) { c.Env = append(c.Env, corev1.EnvVar{Name: "MORE", ValueFrom: &source}) })
	}
	object := corev1.LocalObjectReference{Name: "webhook"}
	for refusal, pods := range map[string]map[string]edit{
		"in the namespaces of organizations only": {
			"in a namespace that is no organization's": func(pod *corev1.Pod) { pod.Namespace = elsewhere },
			"of another organization":                  func(pod *corev1.Pod) { pod.Labels[v1alpha1.LabelOrganization] = "other" },
			"of no organization":                       func(pod *corev1.Pod) { delete(pod.Labels, v1alpha1.LabelOrganization) },
		},
		"of OcrJobs only": {
			"of no component":                    func(pod *corev1.Pod) { delete(pod.Labels, "app.kubernetes.io/component") },
			"that NetworkPolicies take for more": func(pod *corev1.Pod) { pod.Labels["app.kubernetes.io/component"] = "gateway" },
			"with another name":                  func(pod *corev1.Pod) { pod.Name = "a-1-0-2" },
			"with a name at random":              func(pod *corev1.Pod) { pod.Name, pod.GenerateName = "", "a-1-0-1" },
			"of no job":                          func(pod *corev1.Pod) { pod.OwnerReferences = nil },
			"of another job":                     func(pod *corev1.Pod) { pod.OwnerReferences[0].Name = "b" },
			"of something else":                  func(pod *corev1.Pod) { pod.OwnerReferences[0].Kind = "Organization" },
		},
		"has the workers' account": {
			"with another account":                 spec(func(s *corev1.PodSpec) { s.ServiceAccountName = "default" }),
			"with a token of its account":          spec(func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = new(true) }),
			"with the tokens that its account has": spec(func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = nil }),
		},
		"has a priority class of khocr's": {
			"that drives everybody out": spec(func(s *corev1.PodSpec) { s.PriorityClassName = "system-node-critical" }),
			"of no priority":            spec(func(s *corev1.PodSpec) { s.PriorityClassName = "" }),
		},
		"shares nothing with its node": {
			"in its node's network":      spec(func(s *corev1.PodSpec) { s.HostNetwork = true }),
			"among its node's processes": spec(func(s *corev1.PodSpec) { s.HostPID = true }),
			"in its node's memory":       spec(func(s *corev1.PodSpec) { s.HostIPC = true }),
			"on a node of its choice":    spec(func(s *corev1.PodSpec) { s.NodeName = "node" }),
			"with a device": spec(func(s *corev1.PodSpec) {
				s.ResourceClaims = []corev1.PodResourceClaim{{Name: "device", ResourceClaimName: new("device")}}
			}),
		},
		"no other volume": {
			"with a folder of its node":   volume(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}),
			"with a Secret":               volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: object.Name}}),
			"with a ConfigMap":            volume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: object}}),
			"with somebody's volume":      volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "store"}}),
			"with a driver's volume":      volume(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "secrets-store.csi.k8s.io"}}),
			"with a folder of a server":   volume(corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "server", Path: "/"}}),
			"with a Secret in company":    projection(corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: object}}),
			"with a ConfigMap in company": projection(corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: object}}),
			"with a token for another":    projection(token("vault")),
		},
		"is one container": {
			"with a container before it": spec(func(s *corev1.PodSpec) {
				s.InitContainers = []corev1.Container{*s.Containers[0].DeepCopy()}
				s.InitContainers[0].Name = "before"
			}),
			"with a container beside it": spec(func(s *corev1.PodSpec) {
				s.Containers = append(s.Containers, *s.Containers[0].DeepCopy())
				s.Containers[1].Name = "beside"
			}),
			"with a command":     container(func(c *corev1.Container) { c.Command = []string{"/bin/sh"} }),
			"with arguments":     container(func(c *corev1.Container) { c.Args = []string{"-c"} }),
			"with a node's port": container(func(c *corev1.Container) { c.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}} }),
			"that its kubelet runs a command in": container(func(c *corev1.Container) {
				c.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}}
			}),
			"that its kubelet asks somebody about": container(func(c *corev1.Container) {
				c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
					TCPSocket: &corev1.TCPSocketAction{Host: "169.254.169.254", Port: intstr.FromInt32(80)}}}
			}),
		},
		"no value from elsewhere": {
			"with a Secret in its environment":    variable(corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: object, Key: "a"}}),
			"with a ConfigMap in its environment": variable(corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: object, Key: "a"}}),
			"with a whole Secret in its environment": container(func(c *corev1.Container) {
				c.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: object}}}
			}),
		},
		"a worker's pod keeps to": {
			"without a security context": spec(func(s *corev1.PodSpec) { s.SecurityContext = nil }),
			"that may be root":           context(func(s *corev1.PodSecurityContext) { s.RunAsNonRoot = nil }),
			"without seccomp":            context(func(s *corev1.PodSecurityContext) { s.SeccompProfile.Type = corev1.SeccompProfileTypeUnconfined }),
			"without AppArmor": context(func(s *corev1.PodSecurityContext) {
				s.AppArmorProfile = &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}
			}),
			"with another SELinux type": context(func(s *corev1.PodSecurityContext) { s.SELinuxOptions = &corev1.SELinuxOptions{Type: "spc_t"} }),
			"with a sysctl": context(func(s *corev1.PodSecurityContext) {
				s.Sysctls = []corev1.Sysctl{{Name: "net.ipv4.ping_group_range", Value: "0 1"}}
			}),
		},
		"a worker's container keeps to": {
			"whose container has no security context": container(func(c *corev1.Container) { c.SecurityContext = nil }),
			"that is privileged": containerContext(func(s *corev1.SecurityContext) {
				s.Privileged, s.AllowPrivilegeEscalation = new(true), nil
			}),
			"that may become more":        containerContext(func(s *corev1.SecurityContext) { s.AllowPrivilegeEscalation = nil }),
			"that may write to its root":  containerContext(func(s *corev1.SecurityContext) { s.ReadOnlyRootFilesystem = new(false) }),
			"whose container may be root": containerContext(func(s *corev1.SecurityContext) { s.RunAsNonRoot = new(false) }),
			"that keeps its capabilities": containerContext(func(s *corev1.SecurityContext) { s.Capabilities = nil }),
			"with one capability more":    containerContext(func(s *corev1.SecurityContext) { s.Capabilities.Add = []corev1.Capability{"SYS_ADMIN"} }),
			"whose container lacks seccomp": containerContext(func(s *corev1.SecurityContext) {
				s.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
			}),
			"whose container lacks AppArmor": containerContext(func(s *corev1.SecurityContext) {
				s.AppArmorProfile = &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}
			}),
			"whose container has another SELinux user": containerContext(func(s *corev1.SecurityContext) {
				s.SELinuxOptions = &corev1.SELinuxOptions{User: "system_u"}
			}),
		},
	} {
		for name, change := range pods {
			pod := worker(uploaded, first, template)
			change(pod)
			err := manager.Create(t.Context(), pod, client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'khocr-manager-pods'") || !strings.Contains(err.Error(), refusal) {
				t.Errorf("a pod %s: the answer is %v, want a refusal: %s", name, err, refusal)
			}
		}
	}
}
