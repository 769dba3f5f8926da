package gpu

import (
	"fmt"
	"path/filepath"
)

// LtPaths returns where to look for cuBLASLt, best first: the newer library before the older, and what the system's loader finds
// before toolkit folders and those before Python's packages (nvidia-cublas, nvidia-cublas-cu12). ONSET_CUBLASLT names a file or
// a folder instead, and nothing else is tried then; "off" turns the library off. env reads the environment, glob is
// filepath.Glob. Names without a slash are for the loader, which has LD_LIBRARY_PATH and its cache.
func LtPaths(env func(string) string, glob func(string) ([]string, error)) ([]string, error) {
	names := []string{"libcublasLt.so.13", "libcublasLt.so.12"}
	if asked := env("ONSET_CUBLASLT"); asked != "" {
		return askedLt(asked, names, glob)
	}
	var folders []string
	for _, home := range []string{env("CUDA_HOME"), env("CUDA_PATH"), "/usr/local/cuda", "/opt/cuda", "/usr/local/cuda-1[23]*"} {
		if home != "" {
			folders = append(folders, filepath.Join(home, "lib64"), filepath.Join(home, "targets/*-linux/lib"))
		}
	}
	for _, root := range []string{env("VIRTUAL_ENV"), env("CONDA_PREFIX"), home(env), "/usr/local", "/usr"} {
		if root == "" {
			continue
		}
		for _, packages := range []string{"lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages"} {
			folders = append(folders, filepath.Join(root, packages, "nvidia/cu13/lib"), filepath.Join(root, packages, "nvidia/cublas/lib"))
		}
	}
	if root := env("CONDA_PREFIX"); root != "" {
		folders = append(folders, filepath.Join(root, "lib"))
	}
	var paths []string
	for _, name := range names {
		paths = append(paths, name)
		for _, folder := range folders {
			found, err := glob(filepath.Join(folder, name))
			if err != nil {
				return nil, fmt.Errorf("look for cuBLASLt in %s: %w", folder, err)
			}
			paths = append(paths, found...)
		}
	}
	return paths, nil
}

func home(env func(string) string) string {
	if h := env("HOME"); h != "" {
		return filepath.Join(h, ".local")
	}
	return ""
}

// askedLt serves ONSET_CUBLASLT.
func askedLt(asked string, names []string, glob func(string) ([]string, error)) ([]string, error) {
	if asked == "off" {
		return nil, nil
	}
	var found []string
	for _, name := range names {
		in, err := glob(filepath.Join(asked, name))
		if err != nil {
			return nil, fmt.Errorf("ONSET_CUBLASLT=%s: %w\nhint: name the file libcublasLt.so.12 or .13, or its folder", asked, err)
		}
		found = append(found, in...)
	}
	if len(found) > 0 {
		return found, nil
	}
	return []string{asked}, nil
}
