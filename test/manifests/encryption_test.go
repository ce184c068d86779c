package manifests

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// TestWhatIsEncryptedInEtcd looks for words into the files of an etcd whose API server has our configuration.
func TestWhatIsEncryptedInEtcd(t *testing.T) {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Skip("KUBEBUILDER_ASSETS names no folder with kube-apiserver, etcd and kubectl")
	}
	configuration, err := os.ReadFile(filepath.Join(root, "config/encryption/configuration.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	placeholder := []byte("REPLACE_WITH_32_BYTES_IN_BASE64")
	if !bytes.Contains(configuration, placeholder) {
		t.Fatal("the configuration has no place for a key")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "encryption.yaml")
	configuration = bytes.Replace(configuration, placeholder, []byte(base64.StdEncoding.EncodeToString(key)), 1)
	if err := os.WriteFile(file, configuration, 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(folder, "etcd")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	server := &envtest.Environment{}
	server.ControlPlane.Etcd = &envtest.Etcd{DataDir: data}
	server.ControlPlane.GetAPIServer().Configure().Set("encryption-provider-config", file)
	if _, err := server.Start(); err != nil {
		t.Fatalf("starting the API server: %v", err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	c := cluster{kubectl: filepath.Join(assets, "kubectl"), kubeconfig: filepath.Join(folder, "kubeconfig")}
	if err := os.WriteFile(c.kubeconfig, server.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}

	c.do(t, "apply", "--server-side", "--kustomize", "config/crd")
	c.do(t, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	const inSecret, inOrganization, inJob, inConfigMap = "word-in-a-secret", "word-in-an-organization", "word-in-a-job.pdf", "word-in-a-configmap"
	c.do(t, "create", "secret", "generic", "a", "--from-literal=a="+inSecret)
	c.do(t, "create", "configmap", "a", "--from-literal=a="+inConfigMap)
	for name, object := range map[string]string{
		"organization": "kind: Organization\nmetadata: {name: a}\nspec: {planRef: free, displayName: {en: " + inOrganization + "}}\n",
		"job":          "kind: OcrJob\nmetadata: {name: a, namespace: default}\nspec: {source: {upload: {id: 0123456789ab, fileName: " + inJob + "}}}\n",
	} {
		manifest := filepath.Join(folder, name+".yaml")
		if err := os.WriteFile(manifest, []byte("apiVersion: ocr.openplp.com/v1alpha1\n"+object), 0o600); err != nil {
			t.Fatal(err)
		}
		c.do(t, "create", "--filename", manifest)
	}
	for word, want := range map[string]bool{inConfigMap: true, inSecret: false, inOrganization: false, inJob: false} {
		if got := holds(t, data, word); got != want {
			t.Errorf("etcd's files hold %q: %v, want %v", word, got, want)
		}
	}
}

// holds tells whether a file below a folder holds a word.
func holds(t *testing.T, folder, word string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(word))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
