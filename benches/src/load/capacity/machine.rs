//! Machines that one can have.

/// A kind of machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// What to call it.
    pub name: String,
    /// Cores, as those of the measurement.
    pub cores: f64,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// Network, Gbit/s each way.
    pub network_gbit: f64,
    /// Disk for the register, GB.
    pub disk_gb: f64,
    /// Random reads of 4 KiB a second that the disk carries.
    pub reads: f64,
}

impl Machine {
    /// Four sizes, from the machine of the measurement to the largest that are ordinary.
    #[must_use]
    pub fn sizes() -> [Self; 4] {
        let size = |name: &str, cores, memory_gib, network_gbit, disk_gb, reads| Self {
            name: name.to_owned(),
            cores,
            memory_gib,
            network_gbit,
            disk_gb,
            reads,
        };
        [
            size("small", 2.0, 24.0, 1.0, 80.0, 10_000.0),
            size("medium", 16.0, 128.0, 10.0, 1_000.0, 200_000.0),
            size("large", 64.0, 512.0, 25.0, 4_000.0, 800_000.0),
            size("huge", 128.0, 2_048.0, 100.0, 16_000.0, 1_500_000.0),
        ]
    }
}
