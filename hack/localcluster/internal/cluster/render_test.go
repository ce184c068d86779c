package cluster

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/openplp/khocr/hack/localcluster/internal/pki"
)

func TestEveryConfigurationIsFilledIn(t *testing.T) {
	c := testCluster(t)
	entries, err := configs.ReadDir("config")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := c.render(entry.Name())
		if err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
		if text := string(content); strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
			t.Errorf("%s has gaps:\n%s", entry.Name(), text)
		}
	}
}

func TestNetworkConfigurationIsJSON(t *testing.T) {
	content, err := testCluster(t).render("cni.conflist")
	if err != nil {
		t.Fatal(err)
	}
	var network struct {
		Plugins []struct {
			Type string
			IPAM struct{ Ranges [][]struct{ Subnet string } }
		}
	}
	if err := json.Unmarshal(content, &network); err != nil {
		t.Fatal(err)
	}
	if subnet := network.Plugins[0].IPAM.Ranges[0][0].Subnet; subnet != PodCIDR {
		t.Errorf("pods get addresses of %s; want %s", subnet, PodCIDR)
	}
}

func TestKubeletStaysInTheClustersControlGroup(t *testing.T) {
	content, err := testCluster(t).render("kubelet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\ncgroupRoot: /localcluster-trial\n"; !strings.Contains(string(content), want) {
		t.Errorf("%q is not in\n%s", want, content)
	}
}

func TestKubeconfigHoldsTheCredentials(t *testing.T) {
	c := testCluster(t)
	folder := pki.Folder(c.state.pki())
	if err := folder.Ensure(c.servingHosts(), c.identities()); err != nil {
		t.Fatal(err)
	}
	content, err := c.kubeconfig("127.0.0.1:4711", adminClient)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(folder.Key(adminClient))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"server: https://127.0.0.1:4711\n", "client-key-data: " + base64.StdEncoding.EncodeToString(key), "current-context: trial\n",
	} {
		if !strings.Contains(string(content), want) {
			t.Errorf("%q is not in\n%s", want, content)
		}
	}
}

// testCluster is a cluster that nobody starts.
func testCluster(t *testing.T) *Cluster {
	t.Helper()
	folder := t.TempDir()
	c, err := Prepare(Options{Name: "trial", Folder: folder, Bin: "/programs"}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
