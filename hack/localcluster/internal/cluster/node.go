package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
)

// kernelSettings are the values that the kubelet writes to the kernel when it
// finds others. They are the whole machine's, reboot on a kernel fault among
// them, so the cluster is shown files that hold these values already.
var kernelSettings = map[string]string{
	"/proc/sys/vm/overcommit_memory":      "1",
	"/proc/sys/vm/panic_on_oom":           "0",
	"/proc/sys/kernel/panic":              "10",
	"/proc/sys/kernel/panic_on_oops":      "1",
	"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
	"/proc/sys/kernel/keys/root_maxbytes": "25000000",
}

// binds prepares what the cluster sees in other places than the host.
func (c *Cluster) binds() ([]isolation.Bind, error) {
	var binds []isolation.Bind
	for target, value := range kernelSettings {
		source := c.state.path("config", "kernel", filepath.Base(target))
		if err := writeFile(source, []byte(value+"\n"), 0o644); err != nil {
			return nil, err
		}
		binds = append(binds, isolation.Bind{Source: source, Target: target})
	}
	for name, target := range map[string]string{
		// The kubelet's links to the containers' logs have a fixed place, as
		// has libcni's cache of results.
		"logs/node": "/var/log",
		"cni":       "/var/lib/cni",
	} {
		source := c.state.path(name)
		for _, folder := range []string{source, target} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return nil, fmt.Errorf("making a folder to mount: %w", err)
			}
		}
		binds = append(binds, isolation.Bind{Source: source, Target: target})
	}
	return binds, nil
}

func (c *Cluster) containerd() (component, error) {
	config, err := c.render("containerd.toml")
	if err != nil {
		return component{}, err
	}
	network, err := c.render("cni.conflist")
	if err != nil {
		return component{}, err
	}
	file := c.state.configFile("containerd.toml")
	return component{
		name: "containerd",
		args: []string{"containerd", "--config=" + file, "--log-level=warn"},
		configs: map[string][]byte{
			file: config,
			c.state.path("config", "cni", "10-localcluster.conflist"): network,
		},
		ready: func(ctx context.Context) error {
			if output, err := c.inside(ctx, "ctr", "version").CombinedOutput(); err != nil {
				return fmt.Errorf("asking containerd for its version: %w: %s", err, output)
			}
			return nil
		},
	}, nil
}

func (c *Cluster) kubelet() (component, error) {
	access, configs, err := c.access(kubeletClient)
	if err != nil {
		return component{}, err
	}
	config, err := c.render("kubelet.yaml")
	if err != nil {
		return component{}, err
	}
	file := c.state.configFile("kubelet.yaml")
	configs[file] = config
	configs[c.state.configFile("resolv.conf")] = []byte("nameserver 127.0.0.1\n")
	overrides := c.state.configFile("kubelet.d")
	if err := os.MkdirAll(overrides, 0o755); err != nil {
		return component{}, fmt.Errorf("making the folder of the kubelet's overrides: %w", err)
	}
	return component{
		name: "kubelet",
		args: []string{
			c.program("kubelet"),
			"--config=" + file,
			"--config-dir=" + overrides,
			"--kubeconfig=" + access,
			"--hostname-override=" + c.settings.Name,
			"--node-ip=" + NodeIP,
			"--root-dir=" + c.state.path("kubelet"),
			"--cert-dir=" + c.state.path("kubelet", "pki"),
		},
		configs: configs,
		ready:   c.healthy("http://127.0.0.1:10248/healthz"),
	}, nil
}

func (c *Cluster) proxy() (component, error) {
	_, configs, err := c.access(proxyClient)
	if err != nil {
		return component{}, err
	}
	config, err := c.render("kube-proxy.yaml")
	if err != nil {
		return component{}, err
	}
	file := c.state.configFile("kube-proxy.yaml")
	configs[file] = config
	return component{
		name:    "kube-proxy",
		args:    []string{c.program("kube-proxy"), "--config=" + file},
		configs: configs,
		ready:   c.healthy("http://127.0.0.1:10256/healthz"),
	}, nil
}
