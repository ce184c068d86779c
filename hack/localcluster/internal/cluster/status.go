package cluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/openplp/khocr/hack/localcluster/internal/forward"
)

// Status describes a cluster for scripts and people.
type Status struct {
	Name        string            `json:"name"`
	Running     bool              `json:"running"` // every component is
	Kubeconfig  string            `json:"kubeconfig"`
	APIServer   string            `json:"apiServer"`
	NodeIP      string            `json:"nodeIP"`
	ServiceCIDR string            `json:"serviceCIDR"`
	PodCIDR     string            `json:"podCIDR"`
	Forwards    []forward.Forward `json:"forwards"`
	Components  []ComponentStatus `json:"components"`
}

// ComponentStatus describes one process.
type ComponentStatus struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"` // 0 if it is not running
	Running bool   `json:"running"`
}

// Status looks at the processes; it asks none of them anything.
func (c *Cluster) Status() Status {
	s := Status{
		Name:        c.settings.Name,
		Running:     c.namespaces.Exist(),
		Kubeconfig:  c.settings.Kubeconfig,
		APIServer:   "https://" + c.settings.API.Address,
		NodeIP:      NodeIP,
		ServiceCIDR: ServiceCIDR,
		PodCIDR:     PodCIDR,
		Forwards:    c.settings.Forwards,
	}
	for _, name := range order {
		part := ComponentStatus{Name: name}
		if record := c.record(name); record.Alive() {
			part.PID, part.Running = record.PID, true
		}
		s.Running = s.Running && part.Running
		s.Components = append(s.Components, part)
	}
	return s
}

// Components lists the names of all components.
func Components() []string { return slices.Clone(order) }

// Start starts one component and waits until it works.
func (c *Cluster) Start(ctx context.Context, name string) error {
	if !c.namespaces.Exist() {
		return fmt.Errorf("cluster %s is not running; start it with up", c.settings.Name)
	}
	part, err := c.component(name)
	if err != nil {
		return err
	}
	if err := c.ensure(ctx, part); err != nil {
		return err
	}
	return c.waitReady(ctx, part)
}

// Stop ends one component, at once or with a grace. Containers keep running
// without the component that has started them.
func (c *Cluster) Stop(ctx context.Context, name string, atOnce bool) error {
	if !slices.Contains(order, name) {
		return unknownComponent(name)
	}
	grace := stopGrace
	if atOnce {
		grace = 0
	}
	if err := c.record(name).Stop(ctx, grace); err != nil {
		return fmt.Errorf("stopping %s: %w", name, err)
	}
	return nil
}

func (c *Cluster) component(name string) (component, error) {
	switch name {
	case "etcd":
		return c.etcd(), nil
	case "kube-apiserver":
		return c.apiServer(), nil
	case "containerd":
		return c.containerd()
	case "kubelet":
		return c.kubelet()
	case "kube-controller-manager":
		return c.controllerManager()
	case "kube-scheduler":
		return c.scheduler()
	case "kube-proxy":
		return c.proxy()
	case forwarderName:
		return c.forwarder(), nil
	}
	return component{}, unknownComponent(name)
}

func unknownComponent(name string) error {
	return fmt.Errorf("no component %q; there are %v", name, order)
}
