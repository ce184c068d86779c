package cluster

import (
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
