package cluster

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"text/template"

	"github.com/openplp/khocr/hack/localcluster/internal/build"
	"github.com/openplp/khocr/hack/localcluster/internal/pki"
	"github.com/openplp/khocr/hack/localcluster/internal/preflight"
)

//go:embed config
var configs embed.FS

// values is what the configuration files depend on.
type values struct {
	Name, State, Cgroup          string
	PodCIDR                      string
	PauseImage, CNIFolder        string
	Server, CA, Certificate, Key string
}

// render fills in one of the embedded configuration files.
func render(name string, v values) ([]byte, error) {
	parsed, err := template.ParseFS(configs, "config/"+name)
	if err != nil {
		return nil, fmt.Errorf("reading the template of %s: %w", name, err)
	}
	var buffer bytes.Buffer
	if err := parsed.Option("missingkey=error").Execute(&buffer, v); err != nil {
		return nil, fmt.Errorf("filling in %s: %w", name, err)
	}
	return buffer.Bytes(), nil
}

func (c *Cluster) render(name string) ([]byte, error) {
	return render(name, values{
		Name:       c.settings.Name,
		State:      string(c.state),
		Cgroup:     c.cgroup.Path(),
		PodCIDR:    PodCIDR,
		PauseImage: build.PauseImage,
		CNIFolder:  preflight.CNIFolder,
	})
}

// kubeconfig renders the access of one client of the API server. It holds the
// key itself, so that it can be copied elsewhere.
func (c *Cluster) kubeconfig(server, client string) ([]byte, error) {
	v := values{Name: c.settings.Name, Server: "https://" + server}
	folder := pki.Folder(c.state.pki())
	for file, into := range map[string]*string{
		folder.Certificate(pki.CA): &v.CA,
		folder.Certificate(client): &v.Certificate,
		folder.Key(client):         &v.Key,
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the credentials of %s: %w", client, err)
		}
		*into = base64.StdEncoding.EncodeToString(content)
	}
	return render("kubeconfig.yaml", v)
}
