//! Somebody who calls anything on the bus with anything, without a proxy in between.

use std::fmt;
use std::time::Duration;

use tokio::runtime::Runtime;
use vigla_bus::names::Service;
use vigla_bus::zbus::{Connection, DBusError, Error, Structure, Variant, connection};

/// Longest wait for an answer; none at all is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// What can be called.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    name: &'static str,
    path: String,
    interface: String,
    member: String,
    /// The signature of each argument that goes in.
    pub(crate) arguments: Vec<String>,
}

impl Method {
    /// A method of `service` without arguments, whether it is there or not.
    pub(crate) fn new(service: Service, path: &str, interface: &str, member: &str) -> Self {
        Self {
            name: service.name,
            path: path.to_owned(),
            interface: interface.to_owned(),
            member: member.to_owned(),
            arguments: Vec::new(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            interface,
            member,
            ..
        } = self;
        write!(f, "{interface}.{member} on {path}")
    }
}

/// A connection of our own.
pub(crate) struct Caller {
    runtime: Runtime,
    connection: Connection,
}

impl Caller {
    pub(crate) fn on(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(async {
            let builder = connection::Builder::address(address);
            builder.method_timeout(PATIENCE).build().await.unwrap()
        });
        Self {
            runtime,
            connection,
        }
    }

    /// Calls; an error is its name and its text.
    pub(crate) fn call(
        &self,
        method: &Method,
        arguments: &[Variant<'_>],
    ) -> Result<String, (String, String)> {
        let Method {
            name,
            path,
            interface,
            member,
            ..
        } = method;
        let (path, interface) = (path.as_str(), Some(interface.as_str()));
        let answer = self.runtime.block_on(async {
            if arguments.is_empty() {
                let call =
                    self.connection
                        .call_method(Some(*name), path, interface, member.as_str(), &());
                return call.await;
            }
            let mut body = Structure::builder();
            for argument in arguments {
                body = body.append_field(argument.try_clone()?);
            }
            let body = body.build()?;
            self.connection
                .call_method(Some(*name), path, interface, member.as_str(), &body)
                .await
        });
        match answer {
            Ok(message) => Ok(message.body().deserialize().unwrap_or_default()),
            Err(Error::MethodError(name, text, _)) => {
                Err((name.to_string(), text.unwrap_or_default()))
            }
            Err(Error::FDO(error)) => {
                let text = error.description().unwrap_or_default();
                Err((error.name().to_string(), text.to_owned()))
            }
            Err(error) => panic!("{method} with {arguments:?}: {error}"),
        }
    }

    /// Everything that an object says can be called.
    pub(crate) fn methods(&self, service: Service, path: &str) -> Vec<Method> {
        let introspect = "org.freedesktop.DBus.Introspectable";
        let ask = Method::new(service, path, introspect, "Introspect");
        let xml = self.call(&ask, &[]).unwrap();
        let (mut interface, mut all) = (String::new(), Vec::<Method>::new());
        for line in xml.lines().map(str::trim) {
            let value = |key: &str| {
                let (_, after) = line.split_once(&format!(" {key}=\""))?;
                after.split('"').next().map(str::to_owned)
            };
            if line.starts_with("<interface ") {
                interface = value("name").unwrap_or_default();
            } else if line.starts_with("<method ") {
                let member = value("name").unwrap_or_default();
                all.push(Method::new(service, path, &interface, &member));
            } else if line.starts_with("<arg ") && line.contains("direction=\"in\"") {
                let method = all.last_mut().unwrap();
                method.arguments.push(value("type").unwrap());
            }
        }
        all
    }
}
