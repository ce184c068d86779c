package worker

import (
	"fmt"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/rest"

	"github.com/openplp/khocr/internal/workerport"
)

// Config is what a worker finds in its pod.
type Config struct {
	// GatewayURL is the internal port's base URL, GatewayName the name in its certificate, GatewayCA the PEM certificates
	// that sign it.
	GatewayURL  string
	GatewayName string
	GatewayCA   string
	// GatewayTokenFile holds the bearer token for the internal port. It is read again for every request.
	GatewayTokenFile string
	// StoreInReach tells that the pod may reach the store, so that the gateway may send it there for the document.
	StoreInReach bool
	// Cluster is the API server and the credentials for it.
	Cluster *rest.Config
	// PodName is the pod's own name, Organization that of the tenant, for logs.
	PodName      string
	Organization string
	// CPULimit in whole cores, at least 1.
	CPULimit int
	// MemoryLimit of the pod in bytes.
	MemoryLimit int64
	// WorkDir is a folder for the document.
	WorkDir string
	// TerminationFile takes the workerport.Termination.
	TerminationFile string
	// Engine is the path of the engine's binary, TessdataPrefix the folder of its models.
	Engine         string
	TessdataPrefix string
}

// madeDir is the folder that children write in.
func (c Config) madeDir() string { return filepath.Join(c.WorkDir, "made") }

// FromEnvironment reads the part of a Config that the pod's environment carries, and fills in the fixed files of a pod.
// Cluster and Engine are left to the caller.
func FromEnvironment(getenv func(string) string) (Config, error) {
	config := Config{
		GatewayURL:       getenv(workerport.EnvGatewayURL),
		GatewayName:      getenv(workerport.EnvGatewayName),
		GatewayCA:        getenv(workerport.EnvGatewayCA),
		GatewayTokenFile: workerport.GatewayTokenFile,
		StoreInReach:     getenv(workerport.EnvStoreInReach) == "true",
		PodName:          getenv(workerport.EnvPodName),
		Organization:     getenv(workerport.EnvOrganization),
		WorkDir:          workerport.WorkDir,
		TerminationFile:  workerport.TerminationFile,
		TessdataPrefix:   getenv("TESSDATA_PREFIX"),
	}
	for name, value := range map[string]string{
		workerport.EnvGatewayURL:  config.GatewayURL,
		workerport.EnvGatewayName: config.GatewayName,
		workerport.EnvGatewayCA:   config.GatewayCA,
	} {
		if value == "" {
			return config, fmt.Errorf("%s is not set", name)
		}
	}
	var err error
	if config.CPULimit, err = strconv.Atoi(getenv(workerport.EnvCPULimit)); err != nil || config.CPULimit < 1 {
		return config, fmt.Errorf("%s is not a number of cores: %q", workerport.EnvCPULimit, getenv(workerport.EnvCPULimit))
	}
	if config.MemoryLimit, err = strconv.ParseInt(getenv(workerport.EnvMemoryLimit), 10, 64); err != nil || config.MemoryLimit < 1 {
		return config, fmt.Errorf("%s is not a number of bytes: %q", workerport.EnvMemoryLimit, getenv(workerport.EnvMemoryLimit))
	}
	return config, nil
}
