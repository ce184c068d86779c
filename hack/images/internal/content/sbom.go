package content

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// materials is where an image says what is in it, as a software bill of materials in CycloneDX's JSON.
const materials = "usr/share/doc/khocr/sbom.cdx.json"

// billOfMaterials lists what is in an image, by what the files themselves tell: each file with its digest, the Go modules
// that a program was built of, the Debian package that a file comes from, and the licence of trained data. It has no time and
// no number, so the same content gives the same bytes.
func billOfMaterials(image Image) (File, error) {
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{Type: cdx.ComponentTypeContainer, Name: "khocr/" + image.Name}}
	packages, err := installed(packagesOf(image))
	if err != nil {
		return File{}, err
	}
	components := make([]cdx.Component, 0, len(packages))
	byPackage := map[string]*[]cdx.Component{}
	for _, p := range packages {
		byPackage[p.Name] = &[]cdx.Component{}
		components = append(components, cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, Components: byPackage[p.Name],
			PackageURL: fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", url.PathEscape(p.Name), url.PathEscape(p.Version), p.Architecture),
			ExternalReferences: &[]cdx.ExternalReference{{
				Type: cdx.ERTypeLicense, URL: "file:///usr/share/doc/" + p.Name + "/copyright",
			}},
		})
	}
	for _, file := range image.Files() {
		component, err := componentOf(file)
		if err != nil {
			return File{}, fmt.Errorf("describing %s: %w", file.Target, err)
		}
		if of := byPackage[file.Package]; of != nil {
			*of = append(*of, component)
		} else {
			components = append(components, component)
		}
	}
	bom.Components = &components
	var encoded bytes.Buffer
	if err := cdx.NewBOMEncoder(&encoded, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return File{}, fmt.Errorf("encoding it: %w", err)
	}
	return File{Target: materials, Data: encoded.Bytes(), Mode: 0o644}, nil
}

// componentOf describes one file by its path and its digest.
func componentOf(file File) (cdx.Component, error) {
	content, err := file.Content()
	if err != nil {
		return cdx.Component{}, err
	}
	digest := sha256.Sum256(content)
	component := cdx.Component{
		Type: cdx.ComponentTypeFile, Name: "/" + file.Target,
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}},
	}
	if file.License != "" {
		component.Type, component.Licenses = cdx.ComponentTypeMachineLearningModel, licensed(file.License)
	}
	if build, err := buildinfo.Read(bytes.NewReader(content)); err == nil {
		component.Type = cdx.ComponentTypeApplication
		component.Components, err = modules(build)
		return component, err
	}
	return component, nil
}

// modules are what a program was built of, the standard library first.
func modules(build *debug.BuildInfo) (*[]cdx.Component, error) {
	all := []cdx.Component{module("stdlib", strings.TrimPrefix(build.GoVersion, "go")), module(build.Main.Path, build.Main.Version)}
	for _, used := range build.Deps {
		if used.Replace != nil {
			used = used.Replace
		}
		component := module(used.Path, used.Version)
		if used.Path == muPDFBinding {
			version, err := muPDFVersion(used)
			if err != nil {
				return nil, err
			}
			component.Components = &[]cdx.Component{{
				Type: cdx.ComponentTypeLibrary, Name: "MuPDF", Version: version, Licenses: licensed("AGPL-3.0-or-later"),
				PackageURL:  "pkg:generic/mupdf@" + version,
				Description: "Linked statically, with the libraries that it bundles",
			}}
		}
		all = append(all, component)
	}
	return &all, nil
}

func module(path, version string) cdx.Component {
	component := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: path, Version: version}
	if version != "(devel)" { // as khocr's own is, which no registry knows
		component.PackageURL = "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	return component
}

func licensed(id string) *cdx.Licenses { return &cdx.Licenses{{License: &cdx.License{ID: id}}} }

// muPDFBinding is the module that carries MuPDF as an archive of machine code.
const muPDFBinding = "github.com/gen2brain/go-fitz"

var muPDFDefinition = regexp.MustCompile(`#define FZ_VERSION "([0-9.]+)"`)

// muPDFVersion is that of the MuPDF in the binding, by the header that comes with it.
func muPDFVersion(binding *debug.Module) (string, error) {
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("finding Go's module cache: %w", err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(cache)), binding.Path+"@"+binding.Version, "include/mupdf/fitz/version.h"))
	if err != nil {
		return "", fmt.Errorf("finding the version of MuPDF: %w", err)
	}
	match := muPDFDefinition.FindSubmatch(header)
	if match == nil {
		return "", errors.New("MuPDF's header tells no version")
	}
	return string(match[1]), nil
}
