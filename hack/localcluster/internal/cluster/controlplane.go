package cluster

import (
	"fmt"
	"net"
	"strconv"

	"github.com/openplp/khocr/hack/localcluster/internal/pki"
)

// Clients of the API server, each with a certificate under its own name.
const (
	adminClient      = "admin"
	apiServerClient  = "kube-apiserver-client" // of the kubelet
	controllerClient = "kube-controller-manager"
	schedulerClient  = "kube-scheduler"
	kubeletClient    = "kubelet"
	proxyClient      = "kube-proxy"

	nodesGroup = "system:nodes"
)

func (c *Cluster) identities() []pki.Identity {
	return []pki.Identity{
		{File: adminClient, User: "kubernetes-admin", Groups: []string{"system:masters"}},
		{File: apiServerClient, User: "kube-apiserver", Groups: []string{"system:masters"}},
		{File: controllerClient, User: "system:kube-controller-manager"},
		{File: schedulerClient, User: "system:kube-scheduler"},
		{File: kubeletClient, User: "system:node:" + c.settings.Name, Groups: []string{nodesGroup}},
		{File: proxyClient, User: "system:kube-proxy"},
	}
}

func (c *Cluster) servingHosts() []string {
	return []string{
		"127.0.0.1", "localhost", NodeIP, apiServiceIP, c.settings.Name,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
}

// apiAddress is where the API server listens inside the cluster.
func apiAddress() string { return net.JoinHostPort(NodeIP, strconv.Itoa(apiPort)) }

func (c *Cluster) etcd() component {
	const client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	return component{
		name: "etcd",
		args: []string{
			c.program("etcd"),
			"--name=" + c.settings.Name,
			"--data-dir=" + c.state.path("etcd"),
			"--listen-client-urls=" + client,
			"--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer,
			"--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=" + c.settings.Name + "=" + peer,
			// Losing the last writes with the whole machine's power is fine
			// here; waiting for the disk on each write is not.
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
		ready: c.healthy(client + "/readyz"),
	}
}

func (c *Cluster) apiServer() component {
	folder := pki.Folder(c.state.pki())
	args := []string{
		c.program("kube-apiserver"),
		"--advertise-address=" + NodeIP,
		"--secure-port=" + strconv.Itoa(apiPort),
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--client-ca-file=" + folder.Certificate(pki.CA),
		"--tls-cert-file=" + folder.Certificate(pki.Serving),
		"--tls-private-key-file=" + folder.Key(pki.Serving),
		"--kubelet-certificate-authority=" + folder.Certificate(pki.CA),
		"--kubelet-client-certificate=" + folder.Certificate(apiServerClient),
		"--kubelet-client-key=" + folder.Key(apiServerClient),
		// The node's name is known to nobody but Kubernetes.
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + folder.Certificate(pki.ServiceAccounts),
		"--service-account-signing-key-file=" + folder.Key(pki.ServiceAccounts),
		"--profiling=false",
	}
	configs := map[string][]byte{}
	if c.auditPolicy != nil {
		policy := c.state.configFile("audit-policy.yaml")
		configs[policy] = c.auditPolicy
		args = append(args,
			"--audit-policy-file="+policy,
			"--audit-log-path="+c.state.logFile("audit"),
			"--audit-log-maxsize=500",
			"--audit-log-maxbackup=2",
		)
	}
	return component{
		name:    "kube-apiserver",
		args:    args,
		configs: configs,
		// Includes the roles that the other components need: one that comes
		// before them ends with an error.
		ready: c.healthy("https://" + apiAddress() + "/readyz"),
	}
}

func (c *Cluster) controllerManager() (component, error) {
	folder := pki.Folder(c.state.pki())
	access, configs, err := c.access(controllerClient)
	if err != nil {
		return component{}, err
	}
	return component{
		name: "kube-controller-manager",
		args: []string{
			c.program("kube-controller-manager"),
			"--kubeconfig=" + access,
			"--bind-address=127.0.0.1",
			"--tls-cert-file=" + folder.Certificate(pki.Serving),
			"--tls-private-key-file=" + folder.Key(pki.Serving),
			"--root-ca-file=" + folder.Certificate(pki.CA),
			"--cluster-signing-cert-file=" + folder.Certificate(pki.CA),
			"--cluster-signing-key-file=" + folder.Key(pki.CA),
			"--service-account-private-key-file=" + folder.Key(pki.ServiceAccounts),
			"--use-service-account-credentials",
			// It is the only one, and a renewal every 2 s is not free.
			"--leader-elect=false",
			"--kube-api-qps=300",
			"--kube-api-burst=600",
			"--profiling=false",
		},
		configs: configs,
		ready:   c.healthy("https://127.0.0.1:10257/healthz"),
	}, nil
}

func (c *Cluster) scheduler() (component, error) {
	folder := pki.Folder(c.state.pki())
	access, configs, err := c.access(schedulerClient)
	if err != nil {
		return component{}, err
	}
	return component{
		name: "kube-scheduler",
		args: []string{
			c.program("kube-scheduler"),
			"--kubeconfig=" + access,
			"--bind-address=127.0.0.1",
			"--tls-cert-file=" + folder.Certificate(pki.Serving),
			"--tls-private-key-file=" + folder.Key(pki.Serving),
			"--leader-elect=false",
			"--kube-api-qps=300",
			"--kube-api-burst=600",
			"--profiling=false",
		},
		configs: configs,
		ready:   c.healthy("https://127.0.0.1:10259/healthz"),
	}, nil
}

// access is the kubeconfig of a component that runs inside the cluster.
func (c *Cluster) access(client string) (path string, configs map[string][]byte, err error) {
	content, err := c.kubeconfig(apiAddress(), client)
	if err != nil {
		return "", nil, fmt.Errorf("giving %s access to the API server: %w", client, err)
	}
	path = c.state.configFile(client + ".kubeconfig")
	return path, map[string][]byte{path: content}, nil
}
