//! Says that atomics are loom's here: a flag of the whole build would say it to every dependency.

fn main() {
    println!("cargo:rustc-cfg=loom");
    println!("cargo:rerun-if-changed=build.rs");
}
